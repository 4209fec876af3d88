"""Detection of drift: every metric of a soak, by every test that suits it, corrected over all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from townlet.soak.assessment import Assessment, CorrectedFinding, MetricAssessment, MetricVerdict, Role
from townlet.soak.learned_change import change_while_learning
from townlet.soak.resource_drift import RESOURCES, Quarters, assess_resource
from townlet.statistics.change import FEWEST, Finding, Series, change_point, level_shift, odd_cycle, trend
from townlet.statistics.multiple_tests import holm

#: Probability that a soak in which nothing changed is not accepted, over all of its metrics and tests; ten soaks in a
#: night stay below 1 in 200.
ALARM_RATE = 0.0005
#: Smallest change of a metric that is an alert, as a share of its baseline's mean; a smaller certain change
#: has the verdict ``watch``.
RELEVANT = 0.05
#: Fewest worlds whose mean is close enough to normal for the test of one cycle. In a single world, a rare event of the
#: town, such as two outages at once, is out of line by itself.
MANY_WORLDS = 16
#: Prefix of the metrics of the baseline's own behaviour, which is rolled out in each cycle.
REFERENCE = "reference_"


@dataclass(frozen=True, slots=True)
class _Draft:
    """The tests of one metric before the correction."""

    name: str
    role: Role
    values: Series
    margin: float
    findings: tuple[Finding, ...]
    baseline: Series | None = None
    quarters: Quarters | None = None


def detect_drift(
    cycles: Mapping[str, Series],
    baseline: Mapping[str, Series],
    *,
    learning: bool,
    resources: Mapping[str, Series] | None = None,
    process: NDArray[np.int64] | None = None,
    reference_worlds: int = MANY_WORLDS,
    network_worlds: int = MANY_WORLDS,
    rate: float = ALARM_RATE,
) -> Assessment:
    """Assess a soak of N cycles.

    Args:
        cycles: float64 [N] per metric, NaN where a cycle lacks it. ``reference_m`` is metric ``m`` of the baseline's
            own behaviour and is tested against the baseline. Other names are the network's: if it does not learn, they
            are tested for changes within the run; if it learns they may change, and the assessment says how.
        baseline: float64 [S] per metric, one value per seed.
        learning: whether the network learns.
        resources: float64 [N] per resource.
        process: int64 [N], the ordinal of the process that each cycle ran in; by default one process.
        reference_worlds: worlds of the reference's rollout in a cycle; with fewer than ``MANY_WORLDS``, no single cycle
            is tested.
        network_worlds: the same of the network's rollout.
        rate: probability of any false alarm.
    """
    drafts = [
        *_reference_drafts(cycles, baseline, reference_worlds),
        *([] if learning else _network_drafts(cycles, network_worlds)),
        *_resource_drafts(resources or {}, process),
    ]
    corrected = holm([finding.p for draft in drafts for finding in draft.findings])
    tests, metrics = len(corrected), []
    for draft in drafts:
        own = [corrected.pop(0) for _ in draft.findings]
        metrics.append(_assessment_of(draft, own, rate))
    if learning:
        metrics.extend(_learning_network(cycles, {metric.name: metric for metric in metrics}))
    length = max((len(values) for values in cycles.values()), default=0)
    return Assessment(learning, length, rate, tests, tuple(metrics))


def _known(values: Series | None) -> Series:
    """The finite values of a series; none of a missing one."""
    return np.empty(0) if values is None else values[np.isfinite(values)]


def _mean(known: Series) -> float:
    """The mean; 0 of no values."""
    return float(known.mean()) if len(known) else 0.0


def _level_at_the_start(known: Series) -> float:
    """Absolute mean of the first quarter."""
    return abs(_mean(known[: max(len(known) // 4, 1)]))


def _reference_drafts(cycles: Mapping[str, Series], baseline: Mapping[str, Series], worlds: int) -> Iterator[_Draft]:
    """The metrics of the baseline's behaviour, tested against the baseline and within the run."""
    for name in sorted(baseline):
        values, reference = _known(cycles.get(REFERENCE + name)), _known(baseline[name])
        margin = RELEVANT * abs(float(reference.mean())) if len(reference) else 0.0
        findings: tuple[Finding, ...] = ()
        # If only some cycles have the metric, they are not a fair sample, and nothing is claimed.
        complete = REFERENCE + name in cycles and len(values) == len(cycles[REFERENCE + name])
        if complete and min(len(values), len(reference)) >= FEWEST:
            findings = (level_shift(values, reference), *_tests_within_run(values, reference, worlds))
        yield _Draft(name, "reference", values, margin, findings, reference)


def _network_drafts(cycles: Mapping[str, Series], worlds: int) -> Iterator[_Draft]:
    """The metrics of a network that does not learn, tested within the run."""
    for name in sorted(cycles):
        if name.startswith(REFERENCE):
            continue
        values = _known(cycles[name])
        findings = tuple(_tests_within_run(values, np.empty(0), worlds)) if len(values) >= FEWEST else ()
        level = abs(float(np.median(values))) if len(values) else 0.0
        yield _Draft(name, "network", values, RELEVANT * level, findings)


def _tests_within_run(values: Series, baseline: Series, worlds: int) -> Iterator[Finding]:
    yield trend(values)
    yield change_point(values)
    odd = odd_cycle(values, baseline) if worlds >= MANY_WORLDS else None
    if odd is not None:
        yield odd


def _resource_drafts(resources: Mapping[str, Series], process: NDArray[np.int64] | None) -> Iterator[_Draft]:
    for resource in RESOURCES:
        if resource.name not in resources:
            continue
        series = resources[resource.name]
        known = _known(series)
        ordinal = np.ones(len(series), np.int64) if process is None else process
        findings, quarters = assess_resource(series, ordinal, resource)
        margin = resource.margin * _level_at_the_start(known)
        yield _Draft(resource.name, "resource", known, margin, tuple(findings), None, quarters)


def _assessment_of(draft: _Draft, corrected: list[float], rate: float) -> MetricAssessment:
    """The assessment of a metric from its tests and their corrected probabilities."""
    findings = tuple(
        CorrectedFinding(finding, p, abs(finding.effect) >= draft.margin)
        for finding, p in zip(draft.findings, corrected, strict=True)
    )
    has_baseline = draft.baseline is not None and len(draft.baseline) > 1
    reference = draft.baseline if has_baseline else None
    return MetricAssessment(
        draft.name,
        draft.role,
        _verdict(findings, rate, draft.quarters),
        len(draft.values),
        _mean(draft.values),
        draft.margin,
        findings,
        0 if reference is None else len(reference),
        None if reference is None else float(reference.mean()),
        None if reference is None else float(reference.std(ddof=1)),
        _largest_change(findings, reference),
        draft.quarters,
    )


def _verdict(findings: tuple[CorrectedFinding, ...], rate: float, quarters: Quarters | None) -> MetricVerdict:
    if not findings:
        return "not enough data"
    certain = [found for found in findings if found.is_certain(rate)]
    if not certain:
        return "steady" if quarters is None or quarters.told else "not enough data"
    return "alert" if any(found.beyond_margin for found in certain) else "watch"


def _largest_change(findings: tuple[CorrectedFinding, ...], baseline: Series | None) -> float | None:
    """The farther end of the level shift's interval, as a share of the baseline's mean."""
    if baseline is None or not findings or not float(baseline.mean()):
        return None
    shift = findings[0].finding
    return max(abs(shift.low), abs(shift.high)) / abs(float(baseline.mean()))


def _learning_network(
    cycles: Mapping[str, Series], assessed: Mapping[str, MetricAssessment]
) -> Iterator[MetricAssessment]:
    """The metrics of a network that learns: whether each changed, and whether learning is the reason."""
    for name in sorted(cycles):
        if name.startswith(REFERENCE):
            continue
        values, reference = cycles[name], cycles.get(REFERENCE + name)
        beside = assessed.get(name)
        reference_steady = all(
            metric.verdict == "steady"
            for metric in ([beside] if beside else assessed.values())
            if metric.role == "reference"
        )
        change = change_while_learning(values, reference, reference_steady)
        known = _known(values)
        verdict: MetricVerdict = "not enough data" if change is None else "learned" if change.is_certain else "steady"
        margin = RELEVANT * _level_at_the_start(known)
        yield MetricAssessment(name, "network", verdict, len(known), _mean(known), margin, (), learned_change=change)
