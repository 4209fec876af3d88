"""Words for changes of a soak's metrics: brief ones for the first lines, full ones with interval and probability."""

from __future__ import annotations

from townlet.metrics import METRICS, capitalized
from townlet.soak.assessment import CorrectedFinding, MetricAssessment
from townlet.soak.units import amount
from townlet.telemetry.formatting import number


def label_of(metric: MetricAssessment) -> str:
    """A metric's name in a sentence; the network's is marked, because the reference has one of the same name."""
    label = label_of_name(metric.name)
    return f"{label} of the network" if metric.role == "network" else label


def label_of_name(name: str) -> str:
    """The registered label; a name that is not registered, from another version's files, in words."""
    return METRICS[name].label if name in METRICS else name.replace("_", " ")


def brief_change(metric: MetricAssessment) -> str:
    """The decisive change of a metric, by how much and when, as a sentence without its full stop."""
    corrected = metric.decisive()
    assert corrected is not None
    found, label = corrected.finding, capitalized(label_of(metric))
    size, up = _size(metric, found.effect), found.effect > 0
    match found.test:
        case "level":
            return f"{label} lay {size} {'above' if up else 'below'} the baseline"
        case "trend":
            return f"{label} {_moved(up)} by {size} over the soak"
        case "change point":
            return f"{label} {_moved(up)} by {size} from cycle {found.cycle + 1} on"
        case "one cycle":
            return f"{label} lay {size} {'above' if up else 'below'} all other cycles in cycle {found.cycle + 1}"
        case _:
            return f"{label} {_moved(up)} by {size} from the first quarter of the cycles to the last"


def describe_finding(metric: MetricAssessment, corrected: CorrectedFinding) -> str:
    """A finding in words: what changed, by how much, within what interval, and how likely that is by chance."""
    found = corrected.finding
    size, up, probability = _size(metric, found.effect), found.effect > 0, _probability(corrected.corrected_p)
    low, high = (_signed(metric, bound) for bound in (found.low, found.high))
    bounds = f"95 % interval {low} to {high}, corrected p {probability}"
    match found.test:
        case "level":
            means = f"{number(metric.mean)} against the baseline's {number(metric.baseline_mean or 0.0)}"
            return f"lay {size} {'above' if up else 'below'} the baseline ({means}; {bounds})"
        case "trend":
            return f"{_moved(up)} by {size} over the soak ({bounds})"
        case "change point":
            return f"{_moved(up)} by {size} from cycle {found.cycle + 1} on ({bounds})"
        case "one cycle":
            side = "above" if up else "below"
            return f"lay {size} {side} all other cycles in cycle {found.cycle + 1} (corrected p {probability})"
        case _:
            return f"{_moved(up)} by {size} from the first to the last quarter ({bounds})"


def change_sentence(metric: MetricAssessment) -> str:
    """The decisive change of a metric in full, as a sentence."""
    decisive = metric.decisive()
    assert decisive is not None
    small = ", too little to alert" if metric.verdict == "watch" else ""
    return f"{capitalized(label_of(metric))} {describe_finding(metric, decisive)}{small}."


def share(value: float) -> str:
    """A share in per cent."""
    return f"{value:.1%}".replace("%", " %")


def _moved(up: bool) -> str:
    return "rose" if up else "fell"


def _size(metric: MetricAssessment, change: float) -> str:
    """The size of a change without its sign: a share of the metric's level, or an amount if that is 0."""
    scale = _scale(metric)
    return share(abs(change) / scale) if scale else amount(metric.name, abs(change))


def _signed(metric: MetricAssessment, change: float) -> str:
    scale = _scale(metric)
    if scale:
        return f"{change / scale:+.1%}".replace("%", " %")
    return f"{'+' if change >= 0 else ''}{amount(metric.name, change)}"


def _scale(metric: MetricAssessment) -> float:
    """The level that changes of a metric are shares of; 0 if there is none."""
    if metric.baseline_mean is not None:
        return abs(metric.baseline_mean)
    return abs(metric.quarters.first if metric.quarters else metric.mean)


def _probability(value: float) -> str:
    return "below 1e-9" if value < 1e-9 else f"{value:.2g}"
