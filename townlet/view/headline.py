"""A training in three figures: what a person wants to know first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from townlet.telemetry.formatting import number
from townlet.view.plots import conflict_intensity

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its value at the start and at the end of the training; equal if there is only one."""

    label: str
    unit: str
    before: float
    after: float

    def __str__(self) -> str:
        return f"{self.label}: {number(self.before)} → {number(self.after)}{f' {self.unit}' if self.unit else ''}"


def headline(records: Sequence[Record]) -> list[Figure]:
    """Reward, conflict intensity and policy entropy, first against last, those that the log has.

    Reward and conflict compare like with like: the policy's first own rollout with its last one. A log of replay
    only has the recorded data throughout, and its figures do not move.
    """
    own = [record for record in records if record.get("data_mode", "rollout") != "replay"] or list(records)
    return [
        figure
        for figure in (
            _figure("mean reward", "per agent-step", own, "reward_mean", lambda r: float(r["reward_mean"])),
            _figure(
                "conflict intensity",
                "per 1,000 agent-steps",
                own,
                "queue_conflict_intensity_sum",
                conflict_intensity,
            ),
            _figure(
                "policy entropy",
                "nats",
                records,
                "batch_entropy_mean",
                lambda r: float(r["batch_entropy_mean"]),
            ),
        )
        if figure is not None
    ]


def _figure(
    label: str, unit: str, records: Sequence[Record], field: str, value: Callable[[Record], float]
) -> Figure | None:
    having = [record for record in records if field in record]
    return Figure(label, unit, value(having[0]), value(having[-1])) if having else None
