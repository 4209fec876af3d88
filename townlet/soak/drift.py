"""Did anything change? Every metric of a soak, by every test that suits it, corrected over all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from townlet.soak.assessment import Assessment, Judged, MetricAssessment, Role, Verdict
from townlet.soak.learning_drift import learned
from townlet.soak.resource_drift import RESOURCES, Quarters, judge_resource
from townlet.statistics.change import FEWEST, Finding, Series, change_point, level_shift, odd_cycle, trend
from townlet.statistics.multiple_tests import holm

#: Probability that a soak in which nothing changed is not accepted, over all of its metrics and tests; ten soaks in a
#: night stay below 1 in 200.
ALARM_RATE = 0.0005
#: Change of a metric, as a share of its baseline's mean, from which it is an alert; a smaller one is to be watched.
RELEVANT = 0.05
#: What the metrics of the baseline's own behaviour, rolled out beside each cycle, are called in a soak.
REFERENCE = "reference_"


@dataclass(frozen=True, slots=True)
class _Draft:
    """A metric before the correction."""

    name: str
    role: Role
    values: Series
    margin: float
    findings: tuple[Finding, ...]
    baseline: Series | None = None
    quarters: Quarters | None = None


def assess(
    cycles: Mapping[str, Series],
    baseline: Mapping[str, Series],
    *,
    learning: bool,
    resources: Mapping[str, Series] | None = None,
    process: NDArray[np.int64] | None = None,
    rate: float = ALARM_RATE,
) -> Assessment:
    """Judge a soak of ``N`` cycles.

    ``cycles``: float64 [N] per metric, NaN where a cycle lacks it. ``reference_m`` is metric ``m`` of the baseline's
    own behaviour and is judged against the ``baseline``, float64 [S] per metric. Plain names are the network's: with
    learning off they are judged within the run; with learning on they may move, and how is told apart. ``resources``:
    the same for what was measured, with the ordinal of the ``process``, int64 [N], that each cycle ran in. ``rate`` is
    the probability of any false alarm.
    """
    drafts = [
        *_reference_drafts(cycles, baseline),
        *([] if learning else _network_drafts(cycles)),
        *_resource_drafts(resources or {}, process),
    ]
    corrected = holm([finding.p for draft in drafts for finding in draft.findings])
    tests, metrics = len(corrected), []
    for draft in drafts:
        own = [corrected.pop(0) for _ in draft.findings]
        metrics.append(_assessed(draft, own, rate))
    if learning:
        metrics.extend(_learner(cycles, {metric.name: metric for metric in metrics}))
    length = max((len(values) for values in cycles.values()), default=0)
    return Assessment(learning, length, rate, tests, tuple(metrics))


def _known(values: Series | None) -> Series:
    """The finite values of a series; none of a missing one."""
    return np.empty(0) if values is None else values[np.isfinite(values)]


def _mean(known: Series) -> float:
    """0 of nothing."""
    return float(known.mean()) if len(known) else 0.0


def _level_at_the_start(known: Series) -> float:
    """Absolute mean of the first quarter."""
    return abs(_mean(known[: max(len(known) // 4, 1)]))


def _reference_drafts(cycles: Mapping[str, Series], baseline: Mapping[str, Series]) -> Iterator[_Draft]:
    for name in sorted(baseline):
        values, reference = _known(cycles.get(REFERENCE + name)), _known(baseline[name])
        margin = RELEVANT * abs(float(reference.mean())) if len(reference) else 0.0
        findings: tuple[Finding, ...] = ()
        # A cycle that lacks a metric which all others have is itself out of the ordinary: then nothing is claimed.
        complete = REFERENCE + name in cycles and len(values) == len(cycles[REFERENCE + name])
        if complete and min(len(values), len(reference)) >= FEWEST:
            findings = (level_shift(values, reference), *_within(values, reference))
        yield _Draft(name, "reference", values, margin, findings, reference)


def _network_drafts(cycles: Mapping[str, Series]) -> Iterator[_Draft]:
    for name in sorted(cycles):
        if name.startswith(REFERENCE):
            continue
        values = _known(cycles[name])
        findings = tuple(_within(values, np.empty(0))) if len(values) >= FEWEST else ()
        level = abs(float(np.median(values))) if len(values) else 0.0
        yield _Draft(name, "network", values, RELEVANT * level, findings)


def _within(values: Series, baseline: Series) -> Iterator[Finding]:
    """The tests within a run."""
    yield trend(values)
    yield change_point(values)
    odd = odd_cycle(values, baseline)
    if odd is not None:
        yield odd


def _resource_drafts(resources: Mapping[str, Series], process: NDArray[np.int64] | None) -> Iterator[_Draft]:
    for resource in RESOURCES:
        if resource.name not in resources:
            continue
        series = resources[resource.name]
        known = _known(series)
        ordinal = np.ones(len(series), np.int64) if process is None else process
        findings, quarters = judge_resource(series, ordinal, resource)
        margin = resource.margin * _level_at_the_start(known)
        yield _Draft(resource.name, "resource", known, margin, tuple(findings), None, quarters)


def _assessed(draft: _Draft, corrected: list[float], rate: float) -> MetricAssessment:
    judged = tuple(
        Judged(finding, p, abs(finding.effect) >= draft.margin)
        for finding, p in zip(draft.findings, corrected, strict=True)
    )
    alarms = [one for one in judged if one.alarms(rate)]
    verdict: Verdict = "steady"
    if not judged:
        verdict = "not enough data"
    elif alarms:
        verdict = "alert" if any(one.beyond for one in alarms) else "watch"
    known = draft.baseline is not None and len(draft.baseline) > 1
    reference = draft.baseline if known else None
    return MetricAssessment(
        draft.name,
        draft.role,
        verdict,
        len(draft.values),
        _mean(draft.values),
        draft.margin,
        judged,
        0 if reference is None else len(reference),
        None if reference is None else float(reference.mean()),
        None if reference is None else float(reference.std(ddof=1)),
        _bound(judged, reference),
        draft.quarters,
    )


def _bound(judged: tuple[Judged, ...], baseline: Series | None) -> float | None:
    """The farther end of the level shift's interval, as a share of the baseline's mean."""
    if baseline is None or not judged or not float(baseline.mean()):
        return None
    shift = judged[0].finding
    return max(abs(shift.low), abs(shift.high)) / abs(float(baseline.mean()))


def _learner(cycles: Mapping[str, Series], judged: Mapping[str, MetricAssessment]) -> Iterator[MetricAssessment]:
    """The metrics of a network that learns: whether each moved, and whether learning is why."""
    for name in sorted(cycles):
        if name.startswith(REFERENCE):
            continue
        values, reference = cycles[name], cycles.get(REFERENCE + name)
        beside = judged.get(name)
        town_held = all(
            metric.verdict == "steady"
            for metric in ([beside] if beside else judged.values())
            if metric.role == "reference"
        )
        movement = learned(values, reference, town_held)
        known = _known(values)
        verdict: Verdict = "not enough data" if movement is None else "learned" if movement.moved else "steady"
        margin = RELEVANT * _level_at_the_start(known)
        yield MetricAssessment(name, "network", verdict, len(known), _mean(known), margin, (), movement=movement)
