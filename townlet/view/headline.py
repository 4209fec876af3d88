"""A training in three figures: what a person wants to know first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY, ENTROPY, METRICS, REWARD, SHOWERS_AND_SLEEPS
from townlet.telemetry.formatting import number
from townlet.telemetry.overview import own_rollouts
from townlet.telemetry.rates import completed_showers_and_sleeps, completed_uses, conflict_intensity

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of :mod:`townlet.metrics` at the start and at the end of a training; equal if there is only one value.

    ``recorded`` is the same for the recorded behaviour that replay phases learnt from, if there were any.
    """

    name: str
    before: float
    after: float
    recorded: float | None = None

    @property
    def label(self) -> str:
        """What the metric is called."""
        return METRICS[self.name].label

    @property
    def unit(self) -> str:
        """The metric's unit."""
        return METRICS[self.name].unit

    def __str__(self) -> str:
        recorded = "" if self.recorded is None else f" (recorded behaviour: {number(self.recorded)})"
        return f"{self.label}: {number(self.before)} → {number(self.after)} {self.unit}{recorded}"


def headline(records: Sequence[Record]) -> list[Figure]:
    """Reward, conflict intensity, completed uses and policy entropy, first against last, those that the log has.

    Reward and conflict compare like with like: the policy's first own rollout with its last one. A log of replay
    only has the recorded data throughout, and its figures do not move.
    """
    figures = (
        _of_data(REWARD, records, "reward_mean", lambda r: float(r["reward_mean"])),
        _of_data(CONFLICT_INTENSITY, records, "queue_conflict_intensity_sum", conflict_intensity),
        _uses(records),
        _figure(ENTROPY, own_rollouts(records), "batch_entropy_mean", lambda r: float(r["batch_entropy_mean"])),
    )
    return [figure for figure in figures if figure is not None]


def _uses(records: Sequence[Record]) -> Figure | None:
    """Of every object; of showers and sleeps in a log that counts no others."""
    return _of_data(COMPLETED_USES, records, "use_complete_events", completed_uses) or _of_data(
        SHOWERS_AND_SLEEPS, records, "shower_complete_events", completed_showers_and_sleeps
    )


def _of_data(name: str, records: Sequence[Record], field: str, value: Callable[[Record], float]) -> Figure | None:
    """A figure of the data that fed the epochs: of the policy's own, with the recorded one beside it."""
    own = [record for record in records if record.get("data_mode", "rollout") != "replay"]
    recorded = [value(r) for r in records if r.get("data_mode") == "replay" and field in r]
    figure = _figure(name, own or records, field, value)
    return replace(figure, recorded=recorded[-1]) if figure and own and recorded else figure


def _figure(name: str, records: Sequence[Record], field: str, value: Callable[[Record], float]) -> Figure | None:
    having = [record for record in records if field in record]
    return Figure(name, value(having[0]), value(having[-1])) if having else None
