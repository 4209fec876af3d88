"""World metrics: metrics of a rollout in the town, which do not depend on whether anybody learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY, REWARD, RIVALRY, per_1000_agent_steps

#: Metric of towns with work only.
_LATE_ARRIVALS = "late_arrivals_per_1000"
#: Names of the world metrics, in the order in which baselines list them; :data:`townlet.metrics.METRICS` has the rest.
WORLD_METRICS = (
    "queue_conflict_events_per_1000",
    CONFLICT_INTENSITY,
    RIVALRY,
    _LATE_ARRIVALS,
    COMPLETED_USES,
    REWARD,
)


def rollout_metrics(metrics: Mapping[str, Any], *, jobs: bool) -> dict[str, float]:
    """The world metrics of a rollout, by name, from its :func:`townlet.capture.sample_metrics.capture_metrics`.

    ``jobs`` says whether anybody in the town has one. If not, nobody can be late, and late arrivals are left out.
    """
    total, events = metrics["total"], metrics["events"]
    # Baselines hold every digit, and were promoted with rates rounded in this way: a count times the rate of one event.
    one_event = per_1000_agent_steps(1.0, metrics["agent_steps"])
    values = {
        "queue_conflict_events_per_1000": total["queue_conflict_events"] * one_event,
        CONFLICT_INTENSITY: total["queue_conflict_intensity_sum"] * one_event,
        RIVALRY: total["conflict.rivalry_max_mean_avg"],
        _LATE_ARRIVALS: events["late_arrival"] * one_event,
        COMPLETED_USES: events["use_completed"] * one_event,
        REWARD: metrics["baseline"]["reward_mean"],
    }
    return {name: float(value) for name, value in values.items() if jobs or name != _LATE_ARRIVALS}
