"""Key figures of a training: reward, conflict, completed uses and entropy, first against last."""

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
class KeyFigure:
    """A metric of :mod:`townlet.metrics` at the start and at the end of a training; equal if there is only one value.

    ``recorded`` is the figure of the recorded behaviour that replay phases learnt from, if there were any.
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


def key_figures(records: Sequence[Record]) -> list[KeyFigure]:
    """Reward, conflict intensity, completed uses and policy entropy, first against last, as far as the log has them.

    Figures of the data compare the policy's first own rollout with its last one. In a replay-only log they come from
    the recorded data and do not change.
    """
    figures = (
        _data_figure(REWARD, records, "reward_mean", lambda r: float(r["reward_mean"])),
        _data_figure(CONFLICT_INTENSITY, records, "queue_conflict_intensity_sum", conflict_intensity),
        _completed_uses(records),
        _figure(ENTROPY, own_rollouts(records), "batch_entropy_mean", lambda r: float(r["batch_entropy_mean"])),
    )
    return [figure for figure in figures if figure is not None]


def _completed_uses(records: Sequence[Record]) -> KeyFigure | None:
    """Completed uses of any object; of showers and sleeps only, if the log counts no others."""
    return _data_figure(COMPLETED_USES, records, "use_complete_events", completed_uses) or _data_figure(
        SHOWERS_AND_SLEEPS, records, "shower_complete_events", completed_showers_and_sleeps
    )


def _data_figure(
    name: str, records: Sequence[Record], field: str, value: Callable[[Record], float]
) -> KeyFigure | None:
    """A figure of the policy's own data, and of the recorded data for comparison."""
    own = [record for record in records if record.get("data_mode", "rollout") != "replay"]
    recorded = [value(r) for r in records if r.get("data_mode") == "replay" and field in r]
    figure = _figure(name, own or records, field, value)
    return replace(figure, recorded=recorded[-1]) if figure and own and recorded else figure


def _figure(name: str, records: Sequence[Record], field: str, value: Callable[[Record], float]) -> KeyFigure | None:
    values = [value(record) for record in records if field in record]
    return KeyFigure(name, values[0], values[-1]) if values else None
