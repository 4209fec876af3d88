"""What a training log says as a whole: latest values, ranges, trends, breakdowns, and a verdict in words."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from townlet.errors import InputError
from townlet.telemetry.comparison import Drift, drifts
from townlet.telemetry.overview import overview_of, own_rollouts, remarks_on
from townlet.telemetry.record import BY_NAME

#: What a breakdown by mode and by cycle shows, where the records have it.
HIGHLIGHTS = (
    "reward_mean",
    "loss_total",
    "batch_entropy_mean",
    "kl_divergence",
    "clip_fraction",
    "grad_norm",
    "reward_advantage_corr",
    "queue_conflict_events",
)

Trend = Literal["rising", "falling", "steady", "constant"]


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric over the epochs that have it.

    ``slope`` is that of the least-squares line, per epoch. ``trend`` is ``steady`` if that line changes by
    no more than the scatter (root mean square residual) about it, ``constant`` if the value never changes.
    """

    name: str
    unit: str
    meaning: str
    latest: float
    minimum: float
    maximum: float
    mean: float
    first: float
    change: float
    slope: float
    trend: Trend


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """The epochs of one data mode or one cycle: how many, their agent-steps, and means of the highlights."""

    label: str
    epochs: int
    transitions: int
    means: dict[str, float]


@dataclass(frozen=True, slots=True)
class Summary:
    """A log, summarised. ``duration_sec`` is the epochs' wall-clock time, ``None`` under schema 1.0."""

    verdict: str
    remarks: tuple[str, ...]
    versions: tuple[float, ...]
    records: int
    first_epoch: int
    last_epoch: int
    steps: int
    duration_sec: float | None
    metrics: tuple[MetricSummary, ...]
    by_mode: tuple[GroupSummary, ...]
    by_cycle: tuple[GroupSummary, ...]
    drift: tuple[Drift, ...]

    def metric(self, name: str) -> MetricSummary | None:
        """The summary of one metric, or ``None`` if no record has it."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    def as_json(self) -> dict[str, Any]:
        """Everything as a JSON object."""
        return {**asdict(self), "drift": [drift.as_json() for drift in self.drift]}


def summarize(
    records: Sequence[Mapping[str, Any]],
    baseline: Mapping[str, float] | None = None,
    last: int | None = None,
) -> Summary:
    """Summarise valid records, all of them or the ``last`` N; with a baseline, also the drift from it.

    Raises :class:`InputError` if there is no record or the baseline shares no metric with the last one.
    """
    chosen = records[-last:] if last else records
    if not chosen:
        raise InputError.of("telemetry", "", "no record", "at least one")
    metrics = tuple(_metric(name, chosen) for name in _metric_names(chosen))
    final = chosen[-1]
    timed = [float(record["epoch_duration_sec"]) for record in chosen if "epoch_duration_sec" in record]
    return Summary(
        verdict=overview_of(chosen),
        remarks=remarks_on(chosen),
        versions=tuple(sorted({float(record["telemetry_version"]) for record in chosen})),
        records=len(chosen),
        first_epoch=int(chosen[0]["epoch"]),
        last_epoch=int(final["epoch"]),
        steps=int(final["steps"]),
        duration_sec=sum(timed) if timed else None,
        metrics=metrics,
        by_mode=_groups(chosen, "data_mode", str),
        by_cycle=_groups(own_rollouts(chosen), "cycle_id", lambda value: f"cycle {int(value)}"),
        drift=tuple(drifts(final, baseline, "baseline")) if baseline is not None else (),
    )


def _metric_names(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the metrics and clocks that occur: declared ones in their order, then extra ones by name."""
    present = {name for record in records for name, value in record.items() if not isinstance(value, str)}
    declared = [name for name, field in BY_NAME.items() if name in present and field.role != "count"]
    return [*declared, *sorted(present - BY_NAME.keys())]


def _metric(name: str, records: Sequence[Mapping[str, Any]]) -> MetricSummary:
    having = own_rollouts([record for record in records if name in record])
    epochs = [float(record["epoch"]) for record in having]
    values = [float(record[name]) for record in having]
    slope, trend = _trend(epochs, values)
    field = BY_NAME.get(name)
    return MetricSummary(
        name=name,
        unit=field.unit if field else "",
        meaning=field.meaning if field else "a field of this log's own",
        latest=values[-1],
        minimum=min(values),
        maximum=max(values),
        mean=statistics.fmean(values),
        first=values[0],
        change=values[-1] - values[0],
        slope=slope,
        trend=trend,
    )


def _trend(epochs: Sequence[float], values: Sequence[float]) -> tuple[float, Trend]:
    if min(values) == max(values):
        return 0.0, "constant"
    slope, intercept = statistics.linear_regression(epochs, values)
    residuals = [value - (slope * epoch + intercept) for epoch, value in zip(epochs, values, strict=True)]
    scatter = statistics.fmean(residual**2 for residual in residuals) ** 0.5
    if abs(slope * (epochs[-1] - epochs[0])) <= scatter:
        return slope, "steady"
    return slope, "rising" if slope > 0 else "falling"


def _groups(
    records: Sequence[Mapping[str, Any]],
    by: str,
    label: Callable[[Any], str],
) -> tuple[GroupSummary, ...]:
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    for record in records:
        if by in record:
            groups.setdefault(record[by], []).append(record)
    return tuple(_group(label(key), members) for key, members in groups.items())


def _group(label: str, members: Sequence[Mapping[str, Any]]) -> GroupSummary:
    means = {}
    for name in HIGHLIGHTS:
        values = [float(record[name]) for record in members if name in record]
        if values:
            means[name] = statistics.fmean(values)
    return GroupSummary(label, len(members), sum(int(record["transitions"]) for record in members), means)
