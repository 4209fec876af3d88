"""Verdict on a whole soak: accept, hold or reject, and the reasons in one paragraph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from townlet.metrics import METRICS, capitalized
from townlet.soak.assessment import Assessment, CorrectedFinding, MetricAssessment
from townlet.soak.resource_drift import FEWEST_MEASURED
from townlet.telemetry.formatting import count, number

Decision = Literal["accept", "hold", "reject"]


@dataclass(frozen=True, slots=True)
class SoakVerdict:
    """What to do with a soak, and why."""

    decision: Decision
    reasons: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"verdict": self.decision, "reasons": self.reasons}


def decide(assessment: Assessment, *, broken_bounds: Sequence[str] = ()) -> SoakVerdict:
    """Decide on a soak.

    Reject if a metric has the verdict ``alert``. Hold if one has the verdict ``watch``, if a metric of the baseline
    lacks data, if resources were measured in hardly any cycle of a soak that is long enough to test them, if there is
    no baseline, or if a bound of the scenario was broken (``broken_bounds``, a sentence each without its full stop).
    Accept otherwise: resources that too few cycles, or too restless ones, cannot tell are only named.
    """
    alerts, watched, lacking = assessment.of("alert"), assessment.of("watch"), assessment.of("not enough data")
    reference = [metric for metric in assessment.metrics if metric.role == "reference"]
    resources = [metric for metric in assessment.metrics if metric.role == "resource"]
    reference_lacks = any(metric in lacking for metric in reference)
    unmeasured = bool(resources) and all(metric.cycles < FEWEST_MEASURED for metric in resources)
    resources_lack = unmeasured and assessment.cycles >= 2 * FEWEST_MEASURED
    decision: Decision = "accept"
    if watched or reference_lacks or resources_lack or broken_bounds or not reference:
        decision = "hold"
    if alerts:
        decision = "reject"
    sentences = [
        *(f"{_sentence(metric)}." for metric in (*alerts, *watched)),
        "No baseline to compare it with." if not reference else "",
        *(f"{sentence}." for sentence in broken_bounds),
        _steady(assessment),
        _learning(assessment),
        f"Not enough data to assess {', '.join(map(label_of, lacking))}." if lacking else "",
    ]
    return SoakVerdict(decision, " ".join(sentence for sentence in sentences if sentence))


def label_of(metric: MetricAssessment) -> str:
    """A metric's name in a sentence; the network's is marked, because the reference has one of the same name."""
    label = _label(metric.name)
    return f"{label} of the network" if metric.role == "network" else label


def _label(name: str) -> str:
    """The registered label; a name that is not registered, from another version's files, in words."""
    return METRICS[name].label if name in METRICS else name.replace("_", " ")


def describe_finding(metric: MetricAssessment, corrected: CorrectedFinding) -> str:
    """A finding in words: what changed, by how much, within what interval, and how likely that is by chance."""
    found, scale = corrected.finding, _scale(metric)
    size, probability = _share(found.effect, scale), _probability(corrected.corrected_p)
    bounds = f"95 % interval {_share(found.low, scale)} to {_share(found.high, scale)}, corrected p {probability}"
    match found.test:
        case "level":
            means = f"{number(metric.mean)} against the baseline's {number(metric.baseline_mean or 0.0)}"
            side = "above" if found.effect > 0 else "below"
            return f"lies {size.lstrip('+-')} {side} the baseline ({means}; {bounds})"
        case "trend":
            return f"changed by {size} over the run ({bounds})"
        case "change point":
            return f"jumped by {size} from cycle {found.cycle + 1} on ({bounds})"
        case "one cycle":
            return f"was out of line in cycle {found.cycle + 1}, {size} from all others (corrected p {probability})"
        case _:
            return f"changed by {size} from the first to the last quarter ({bounds})"


def _sentence(metric: MetricAssessment) -> str:
    decisive = metric.decisive()
    assert decisive is not None
    small = ", too little to alert" if metric.verdict == "watch" else ""
    return f"{capitalized(label_of(metric))} {describe_finding(metric, decisive)}{small}"


def _scale(metric: MetricAssessment) -> float:
    """The level that changes of a metric are shares of; 0 if there is none."""
    if metric.baseline_mean is not None:
        return abs(metric.baseline_mean)
    return abs(metric.quarters.first if metric.quarters else metric.mean)


def _share(change: float, scale: float) -> str:
    return f"{change / scale:+.1%}".replace("%", " %") if scale else f"{'+' if change >= 0 else ''}{number(change)}"


def _probability(value: float) -> str:
    return "below 1e-9" if value < 1e-9 else f"{value:.2g}"


def _steady(assessment: Assessment) -> str:
    steady = assessment.of("steady")
    if not steady:
        return ""
    largest_changes = [metric.largest_change for metric in steady if metric.largest_change is not None]
    excluded = ""
    if largest_changes:
        largest = f"{max(largest_changes):.1%}".replace("%", " %")
        excluded = (
            "; where there is a baseline, the 95 % interval of each, taken by itself, excludes a change of level above "
            f"{largest}"
        )
    others = "the other " if len(steady) < len(assessment.metrics) else "all "
    cycles = count(assessment.cycles, "cycle")
    return f"No change was found in {others}{count(len(steady), 'metric')} over {cycles}{excluded}."


def _learning(assessment: Assessment) -> str:
    if not assessment.learning:
        return "Learning was switched off."
    learned = [
        (metric.name, metric.learned_change) for metric in assessment.of("learned") if metric.learned_change is not None
    ]
    if not learned:
        return "Learning was on, and changed nothing beyond chance."
    courses = ", ".join(
        f"{_label(name)} from {number(change.first)} to {number(change.last)}" for name, change in learned
    )
    if all(change.reference_steady for _, change in learned):
        return f"By learning, the network moved {courses}; the frozen reference beside it held steady."
    return f"The network moved {courses}; the frozen reference moved too, so learning alone is not the reason."
