"""Evaluation of a behaviour by what happened to the people, never by rewards."""

from __future__ import annotations

from collections.abc import Sequence

from townlet.behavior import Behavior
from townlet.config import Scenario
from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY
from townlet.outcomes import record_outcomes

#: Names of the metrics of an evaluation; :data:`townlet.metrics.METRICS` has the rest.
STUDY_METRICS = (
    CONFLICT_INTENSITY,
    "chosen_intensity_per_1000",
    "tied_intensity_per_1000",
    "queue_conflict_events_per_1000",
    "queue_conflict_intensity_per_100_uses",
    "queue_conflict_events_per_100_uses",
    "needs_mean_of_residents",
    "needs_mean_over_steps",
    "utilisation",
    "washes_per_1000",
    COMPLETED_USES,
    "wait_mean",
    "wait_p95",
    "fairness",
    "attendance",
    "wages",
    "rivalry_max_mean_over_steps",
    "faints_per_1000",
)


def evaluate(
    behavior: Behavior, scenario: Scenario, *, worlds: int, seed: int, focal: Sequence[int] | None = None
) -> dict[str, float]:
    """The metrics of the first episode of each world under a behaviour, over the people in ``focal`` (all by default).

    Under the same seed and scenario every behaviour meets the same people, arrivals of newcomers and outages.
    Utilisation is over everybody, because objects are shared.
    """
    outcomes = record_outcomes(behavior, scenario, worlds=worlds, seed=seed).pooled(focal)
    return {name: outcomes[name] for name in STUDY_METRICS}
