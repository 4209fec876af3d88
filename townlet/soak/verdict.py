"""Accept, hold or reject: the verdict on a whole soak, and its reasons in one paragraph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from townlet.soak.assessment import Assessment, Judged, MetricAssessment
from townlet.telemetry.formatting import count, number

RunVerdict = Literal["accept", "hold", "reject"]

#: What a metric is called in a sentence.
LABELS = {
    "queue_conflict_events_per_1000": "queue conflicts",
    "queue_conflict_intensity_per_1000": "conflict intensity",
    "rivalry_max_mean": "strongest rivalry",
    "late_arrivals_per_1000": "late arrivals",
    "uses_completed_per_1000": "completed uses",
    "reward_mean": "reward",
    "entropy": "policy entropy",
    "kl_divergence": "KL divergence",
    "grad_norm": "gradient norm",
    "loss_value": "value error",
    "resident_memory_bytes": "resident memory",
    "open_files": "open files",
    "agent_steps_per_second": "speed by the clock",
    "agent_steps_per_yardstick": "speed against the yardstick",
    "log_bytes_per_cycle": "log written per cycle",
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict on a soak: what to do, and why."""

    verdict: RunVerdict
    reasons: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"verdict": self.verdict, "reasons": self.reasons}


def rule_on(assessment: Assessment, *, broken_bounds: Sequence[str] = ()) -> Ruling:
    """The verdict on a soak.

    Reject if a metric alerts. Hold if one is to be watched, if a metric of the baseline lacks data, if resources were
    measured and all of them do, or if a bound of the scenario's own was broken (``broken_bounds``, a sentence each).
    Accept if not.
    """
    alerts, watched, lacking = assessment.of("alert"), assessment.of("watch"), assessment.of("not enough data")
    unjudged = [metric for metric in lacking if metric.role == "reference"]
    judged = [metric for metric in assessment.metrics if metric.role == "reference"]
    resources = [metric for metric in assessment.metrics if metric.role == "resource"]
    blind = bool(resources) and all(metric in lacking for metric in resources)
    verdict: RunVerdict = "accept"
    if watched or unjudged or blind or broken_bounds or not judged:
        verdict = "hold"
    if alerts:
        verdict = "reject"
    sentences = [
        *(f"{_sentence(metric)}." for metric in (*alerts, *watched)),
        "No baseline to judge it by." if not judged else "",
        *(f"{sentence}." for sentence in broken_bounds),
        _steady(assessment),
        _learning(assessment),
        f"Not enough data to judge {_listing(lacking)}." if lacking else "",
    ]
    return Ruling(verdict, " ".join(sentence for sentence in sentences if sentence))


def label_of(metric: MetricAssessment) -> str:
    """A metric's name in a sentence, with whose it is where that is not plain."""
    label = LABELS.get(metric.name, metric.name.replace("_", " "))
    return f"{label} of the network" if metric.role == "network" else label


def told(metric: MetricAssessment, judged: Judged) -> str:
    """A finding in words: what changed, by how much, within what, and how unlikely by chance."""
    one, scale = judged.finding, _scale(metric)
    size = _share(one.effect, scale)
    within = f"95 % interval {_share(one.low, scale)} to {_share(one.high, scale)}, corrected p {_p(judged.corrected)}"
    match one.test:
        case "level":
            against = f"{number(metric.mean)} against the baseline's {number(metric.baseline_mean or 0.0)}"
            side = "above" if one.effect > 0 else "below"
            return f"lies {size.lstrip('+-')} {side} the baseline ({against}; {within})"
        case "trend":
            return f"changed by {size} over the run ({within})"
        case "change point":
            return f"jumped by {size} from cycle {one.cycle + 1} on ({within})"
        case "one cycle":
            return (
                f"was out of line in cycle {one.cycle + 1}, {size} from all others (corrected p {_p(judged.corrected)})"
            )
        case _:
            return f"changed by {size} from the first to the last quarter ({within})"


def _sentence(metric: MetricAssessment) -> str:
    cause = metric.cause()
    assert cause is not None
    label = label_of(metric)
    small = ", too little to alert" if metric.verdict == "watch" else ""
    return f"{label[0].upper()}{label[1:]} {told(metric, cause)}{small}"


def _scale(metric: MetricAssessment) -> float:
    """What a change is a share of; 0 if of nothing."""
    if metric.baseline_mean is not None:
        return abs(metric.baseline_mean)
    return abs(metric.quarters.first if metric.quarters else metric.mean)


def _share(change: float, scale: float) -> str:
    return f"{change / scale:+.1%}".replace("%", " %") if scale else f"{'+' if change >= 0 else ''}{number(change)}"


def _p(value: float) -> str:
    return "below 1e-9" if value < 1e-9 else f"{value:.2g}"


def _steady(assessment: Assessment) -> str:
    steady = assessment.of("steady")
    if not steady:
        return ""
    bounds = [metric.bound for metric in steady if metric.bound is not None]
    excluded = ""
    if bounds:
        largest = f"{max(bounds):.1%}".replace("%", " %")
        excluded = (
            "; where there is a baseline, the 95 % interval of each, taken by itself, excludes a change of level above "
            f"{largest}"
        )
    others = "the other " if len(steady) < len(assessment.metrics) else "all "
    cycles = count(assessment.cycles, "cycle")
    return f"No change was found in {others}{count(len(steady), 'metric')} over {cycles}{excluded}."


def _learning(assessment: Assessment) -> str:
    moved = [metric for metric in assessment.of("learned") if metric.movement]
    if not assessment.learning:
        return "Learning was switched off."
    if not moved:
        return "Learning was on, and moved nothing that could be told from chance."
    courses = ", ".join(
        f"{LABELS.get(metric.name, metric.name)} from {number(metric.movement.first)} to {number(metric.movement.last)}"
        for metric in moved
        if metric.movement
    )
    if all(metric.movement.by_learning for metric in moved if metric.movement):
        return f"Because it learned, the network moved {courses}; the frozen reference beside it held still."
    return f"The network moved {courses}; the frozen reference moved too, so learning alone is not why."


def _listing(metrics: Sequence[MetricAssessment]) -> str:
    return ", ".join(label_of(metric) for metric in metrics)
