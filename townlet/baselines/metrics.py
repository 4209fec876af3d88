"""What a rollout of the town is judged by: the metrics that exist whether or not anybody learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Metric(NamedTuple):
    """One metric: its name, its unit, and what it says."""

    name: str
    unit: str
    meaning: str


#: Of a rollout, whoever acted in it.
WORLD_METRICS = (
    Metric("queue_conflict_events_per_1000", "events", "conflicts in queues per 1,000 agent-steps"),
    Metric("queue_conflict_intensity_per_1000", "intensity", "their summed intensity per 1,000 agent-steps"),
    Metric("rivalry_max_mean", "rivalry", "strength of an agent's strongest rivalry, mean over time and agents"),
    Metric("late_arrivals_per_1000", "events", "late arrivals at work per 1,000 agent-steps; only where there is work"),
    Metric("uses_completed_per_1000", "events", "uses of an object taken to their end, per 1,000 agent-steps"),
    Metric("reward_mean", "reward", "mean reward per agent-step"),
)
WORLD_METRIC_NAMES = tuple(metric.name for metric in WORLD_METRICS)


def rollout_metrics(metrics: Mapping[str, Any], *, jobs: bool) -> dict[str, float]:
    """The world metrics of a rollout, from what :func:`townlet.capture.metrics.capture_metrics` says of it.

    ``jobs``: whether anybody in the town has one; without, nobody can be late, and that metric is left out.
    """
    per_1000 = 1000.0 / max(metrics["agent_steps"], 1)
    total, events = metrics["total"], metrics["events"]
    values = {
        "queue_conflict_events_per_1000": total["queue_conflict_events"] * per_1000,
        "queue_conflict_intensity_per_1000": total["queue_conflict_intensity_sum"] * per_1000,
        "rivalry_max_mean": total["conflict.rivalry_max_mean_avg"],
        "late_arrivals_per_1000": events["late_arrival"] * per_1000,
        "uses_completed_per_1000": events["use_completed"] * per_1000,
        "reward_mean": metrics["baseline"]["reward_mean"],
    }
    return {name: float(value) for name, value in values.items() if jobs or name != "late_arrivals_per_1000"}
