"""Summaries of a training log: a verdict in words, then values, ranges, trends and breakdowns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from townlet.errors import InputError
from townlet.telemetry.comparison import Difference, differences
from townlet.telemetry.environments import ENVIRONMENT_FIELDS, RETURN_FIELD, without_a_town
from townlet.telemetry.overview import overview_of, own_rollouts, remarks_on
from townlet.telemetry.record import BY_NAME

#: Metrics that a breakdown by mode or cycle shows, if the records have them.
HIGHLIGHTS = (
    "reward_mean",
    RETURN_FIELD,
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

    ``slope`` is the least-squares line's, per epoch. ``trend`` is ``steady`` if that line rises or falls by no more
    than the scatter about it (the root mean square residual), and ``constant`` if the value never changes.
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
    """The epochs of one data mode or cycle: their number, their agent-steps, and the means of the highlights."""

    label: str
    epochs: int
    transitions: int
    means: dict[str, float]


@dataclass(frozen=True, slots=True)
class Summary:
    """A summarised log. ``duration_sec`` is the epochs' wall-clock time, ``None`` under schema 1.0."""

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
    differences: tuple[Difference, ...]
    """From reference values, if any were given."""

    def metric(self, name: str) -> MetricSummary | None:
        """Return the summary of one metric, or ``None`` if no record has it."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    def as_json(self) -> dict[str, Any]:
        """Return everything as a JSON object."""
        content = asdict(self)
        del content["differences"]
        return {**content, "drift": [difference.as_json() for difference in self.differences]}


def summarize(
    records: Sequence[Mapping[str, Any]],
    baseline: Mapping[str, float] | None = None,
    last: int | None = None,
) -> Summary:
    """Summarise valid records, all of them or the ``last`` N, and compare the last one with ``baseline``, if given.

    Raises :class:`InputError` if there is no record, or if ``baseline`` shares no metric with the last one.
    """
    chosen = [without_a_town(record) for record in (records[-last:] if last else records)]
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
        differences=tuple(differences(final, baseline, "baseline")) if baseline is not None else (),
    )


def _metric_names(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the metrics and clocks that occur: declared ones in order, then extra ones by name."""
    present = {name for record in records for name, value in record.items() if not isinstance(value, str)}
    declared = [name for name, field in BY_NAME.items() if name in present and field.role != "count"]
    return [*declared, *sorted(present - BY_NAME.keys())]


def _metric(name: str, records: Sequence[Mapping[str, Any]]) -> MetricSummary:
    having = own_rollouts([record for record in records if name in record])
    epochs = [float(record["epoch"]) for record in having]
    values = [float(record[name]) for record in having]
    slope, trend = _trend(epochs, values)
    field = BY_NAME.get(name) or ENVIRONMENT_FIELDS.get(name)
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
