"""Next steps after a verdict: one sentence for each case, and the row of the handbook that says more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from townlet.metrics import SPEED
from townlet.soak.assessment import MetricAssessment
from townlet.soak.learned_change import LEARNING_METRICS

Decision = Literal["accept", "hold", "reject"]


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do now."""

    sentence: str
    handbook: str
    """Anchor of the row in the handbook."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"next_step": self.sentence, "handbook": self.handbook}


_NOTHING = NextStep("Nothing to do.", "night-accepted")
_BOUND = NextStep("Decide whether the bound or the change is wrong.", "night-bound-broken")
_NO_DATA = NextStep("Find out why cycles or metrics are missing, then run the night again.", "night-too-little-data")
_NO_BASELINE = NextStep("Build a baseline and promote it.", "night-no-baseline")
_TOWN = NextStep("Find what changed the town's rules or the scenario since the baseline.", "night-town-changed")
_ONE_CYCLE = NextStep("Play the rollout of that cycle's seed.", "night-one-cycle")
_TRAINER = NextStep("Compare with a training at the baseline's commit.", "night-trainer-changed")
_NETWORK = NextStep("Find what changed how the policy acts, and do not continue training.", "night-network-changed")
_MEMORY = NextStep("Look in resources.jsonl whether it grows within one process.", "night-memory")
_SPEED = NextStep("Check what else ran on the machine; act if it happens two nights in a row.", "night-speed")

#: Steps after a night that has no verdict.
CRASHED = NextStep("Open the incident's page and do what it says.", "night-failed")
DAMAGED = NextStep("Materialize the asset of the damaged file again.", "night-damaged")
MISSED = NextStep("Look under Runs in Dagster whether it waits; if not, launch the night.", "night-missed")
UNFINISHED = NextStep("Look under Runs in Dagster whether it still runs; if not, launch it again.", "night-running")
WAITING = NextStep("Nothing to do before it is due.", "night-waiting")
NOT_SOAKED = NextStep("Nothing to do until the schedule's next start.", "night-waiting")


def next_step(
    decision: Decision, changed: Sequence[MetricAssessment], *, broken_bounds: bool, has_baseline: bool
) -> NextStep:
    """What to do after a verdict.

    Args:
        decision: the verdict.
        changed: the metrics that changed, alerts first.
        broken_bounds: whether a bound of the scenario was broken.
        has_baseline: whether there was a baseline to compare with.
    """
    if decision == "accept":
        return _NOTHING
    if changed:
        return _after_change(changed)
    if not has_baseline:
        return _NO_BASELINE
    return _BOUND if broken_bounds else _NO_DATA


def _after_change(changed: Sequence[MetricAssessment]) -> NextStep:
    """The step for the change that explains most: the town's before the network's, a resource's last."""
    of = {role: [metric for metric in changed if metric.role == role] for role in ("reference", "network", "resource")}
    if of["reference"]:
        decisive = [metric.decisive() for metric in of["reference"]]
        single = all(found is not None and found.finding.test == "one cycle" for found in decisive)
        return _ONE_CYCLE if single else _TOWN
    if of["network"]:
        learning = all(metric.name in LEARNING_METRICS for metric in of["network"])
        return _TRAINER if learning else _NETWORK
    return _SPEED if all(metric.name == SPEED for metric in of["resource"]) else _MEMORY
