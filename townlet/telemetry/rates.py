"""Metrics of the data that fed an epoch, from its telemetry record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from townlet.metrics import per_1000_agent_steps

Record = Mapping[str, Any]


def conflict_intensity(record: Record) -> float:
    """Conflict intensity per 1,000 agent-steps."""
    return per_1000_agent_steps(float(record["queue_conflict_intensity_sum"]), _counted(record))


def completed_uses(record: Record) -> float:
    """Completed uses of any object per 1,000 agent-steps."""
    return per_1000_agent_steps(float(record["use_complete_events"]), _counted(record))


def completed_showers_and_sleeps(record: Record) -> float:
    """Completed showers and sleeps per 1,000 agent-steps: logs of schema 1.1 count no other uses."""
    uses = float(record["shower_complete_events"]) + float(record["sleep_complete_events"])
    return per_1000_agent_steps(uses, _counted(record))


def _counted(record: Record) -> int:
    """The agent-steps that the counters cover, those of data held out from learning included.

    Old logs lack the field; their counters cover the epoch's transitions.
    """
    return int(record.get("counted_agent_steps", record["transitions"]))
