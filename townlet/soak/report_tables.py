"""Tables of the acceptance report: what changed, every metric, and the first and last quarter of resources."""

from __future__ import annotations

from townlet.soak.assessment import MetricAssessment
from townlet.soak.broken_bounds import BrokenBound
from townlet.soak.evidence import Evidence
from townlet.soak.units import amount
from townlet.soak.wording import describe_finding, label_of
from townlet.statistics.change import Finding
from townlet.telemetry.formatting import count

#: Share of a metric below which a difference is a rounding error.
_ROUNDING = 1e-12

CHANGED = ("metric", "verdict", "what was found")
METRICS = ("metric", "of", "verdict", "soak", "baseline", "change, 95 % interval", "lowest corrected p")
QUARTERS = (
    "resource",
    "first quarter",
    "last quarter",
    "change, 90 % interval",
    "shown equal",
    "trend over the run, 95 % interval",
)
HOW_QUARTERS = (
    "Means of the first and the last quarter of the cycles, without each process's first cycles. Shown equal: the 90 % "
    "interval of the change lies within the margin. The trend is by least squares, with a level for each process."
)
_OWNERS = {"reference": "frozen reference", "network": "network", "resource": "process"}


def changes(evidence: Evidence) -> list[list[str]]:
    """A row for every metric and bound that matters: alerts, broken bounds, what to watch, and what was learned."""
    of = evidence.assessment.of
    return [
        *(_certain(metric, evidence.assessment.rate) for metric in of("alert")),
        *map(_broken, evidence.bounds),
        *(_certain(metric, evidence.assessment.rate) for metric in of("watch")),
        *map(_learned, of("learned")),
    ]


def _certain(metric: MetricAssessment, rate: float) -> list[str]:
    found = [describe_finding(metric, one) for one in metric.findings if one.is_certain(rate)]
    return [label_of(metric), metric.verdict, "; ".join(found)]


def _broken(bound: BrokenBound) -> list[str]:
    return [bound.label, "bound broken", f"{bound.sentence}."]


def _learned(metric: MetricAssessment) -> list[str]:
    change = metric.learned_change
    assert change is not None
    why = "by learning" if change.reference_steady else "but the frozen reference moved too"
    course = f"from {amount(metric.name, change.first)} in the first quarter to {amount(metric.name, change.last)}"
    return [label_of(metric), "learned", f"{course} in the last, {why} ({change.found.test}, p {change.found.p:.2g})"]


def correction(evidence: Evidence) -> str:
    """How the tests were corrected, in sentences."""
    tests, rate = evidence.assessment.tests, evidence.assessment.rate
    return (
        f"{count(tests, 'test')}, corrected together (Holm). A change counts if its corrected p is at most {rate:g}. "
        f"If nothing changed, the probability that any counts is at most {rate:g}."
    )


def metric_rows(evidence: Evidence) -> list[list[str]]:
    """A row for every metric."""
    return [_row(metric) for metric in evidence.assessment.metrics]


def _row(metric: MetricAssessment) -> list[str]:
    most_certain, baseline = metric.most_certain(), ""
    if metric.baseline_mean is not None:
        baseline = f"{amount(metric.name, metric.baseline_mean)} ± {amount(metric.name, metric.baseline_sd or 0.0)}"
    probability = f"{most_certain.corrected_p:.2g}" if most_certain else ""
    mean = _amount(metric, metric.mean) if metric.cycles else "none"
    label = label_of(metric).removesuffix(" of the network")
    return [label, _OWNERS[metric.role], metric.verdict, mean, baseline, _change(metric), probability]


def _change(metric: MetricAssessment) -> str:
    """The effect of the first test, or the change while learning, with its interval."""
    if metric.findings:
        first = metric.findings[0].finding
        effect, low, high = first.effect, first.low, first.high
    elif metric.learned_change:
        learned = metric.learned_change
        effect, low, high = learned.last - learned.first, learned.low, learned.high
    else:
        return ""
    return _interval(metric, effect, low, high)


def quarter_rows(evidence: Evidence) -> list[list[str]]:
    """A row for every resource that was measured."""
    return [
        [
            label_of(metric),
            _amount(metric, metric.quarters.first),
            _amount(metric, metric.quarters.last),
            _range(metric, metric.quarters.low, metric.quarters.high),
            "yes" if metric.quarters.equal else "no",
            _trend(metric, metric.quarters.trend),
        ]
        for metric in evidence.assessment.metrics
        if metric.quarters is not None
    ]


def _trend(metric: MetricAssessment, trend: Finding | None) -> str:
    """A trend with its interval, and whether that excludes 0."""
    if trend is None:
        return "not enough data"
    excludes_0 = "" if trend.low <= 0 <= trend.high else ", not 0"
    return _interval(metric, trend.effect, trend.low, trend.high, excludes_0)


def _range(metric: MetricAssessment, low: float, high: float) -> str:
    shown = [_amount(metric, value) for value in (low, high)]
    return "0" if set(shown) == {"0"} else " to ".join(shown)


def _interval(metric: MetricAssessment, effect: float, low: float, high: float, remark: str = "") -> str:
    """A change with its interval; plain 0 if nothing changed at all."""
    shown = [_amount(metric, value) for value in (effect, low, high)]
    return "0" if set(shown) == {"0"} else f"{shown[0]} ({shown[1]} to {shown[2]}{remark})"


def _amount(metric: MetricAssessment, value: float) -> str:
    """A value or a change of a metric for display; 0 for a rounding error."""
    known = (metric.mean, *((metric.quarters.first, metric.quarters.last) if metric.quarters else ()))
    if abs(value) <= _ROUNDING * max(map(abs, known)):
        return "0"
    return amount(metric.name, value)
