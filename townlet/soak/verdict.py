"""Verdict on a whole soak: accept, hold or reject, and the reasons in one paragraph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from townlet.soak.assessment import Assessment, MetricAssessment
from townlet.soak.next_steps import ROLES, Decision, NextStep, next_step
from townlet.soak.resource_drift import FEWEST_MEASURED
from townlet.soak.wording import brief_change, change_sentence, label_of, label_of_name, share
from townlet.telemetry.formatting import count, number


@dataclass(frozen=True, slots=True)
class SoakVerdict:
    """What to do with a soak, and why."""

    decision: Decision
    why: str
    """The main reason, in one short sentence."""
    next_step: NextStep
    """What to do now."""
    reasons: str
    """All reasons, in one paragraph, with the course of every metric that was learned."""
    details: tuple[str, ...]
    """All reasons, a sentence each, without those courses."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"verdict": self.decision, "why": self.why, **self.next_step.as_json(), "reasons": self.reasons}


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
    before = (
        *map(change_sentence, (*alerts, *watched)),
        "No baseline to compare it with." if not reference else "",
        *(f"{sentence}." for sentence in broken_bounds),
        _steady(assessment),
    )
    after = f"Not enough data to assess {', '.join(map(label_of, lacking))}." if lacking else ""
    courses, in_short = _learning(assessment)
    reasons = " ".join(filter(None, (*before, courses, after)))
    if alerts or watched:
        why = _why_changed(alerts, watched)
    elif decision == "accept":
        by = "chance or learning does" if assessment.of("learned") else "chance does"
        why = f"Nothing changed that {by} not explain."
    elif broken_bounds:
        why = f"{broken_bounds[0]}{_and_others(len(broken_bounds), 'bound was broken', 'bounds were broken')}."
    elif not reference:
        why = "There is no baseline to compare the soak with."
    else:
        others = _and_others(len(lacking), "metric", "metrics").removeprefix(",")
        why = f"There is too little data to judge {label_of(lacking[0])}{others}."
    step = next_step(decision, alerts or watched, broken_bounds=bool(broken_bounds), has_baseline=bool(reference))
    return SoakVerdict(decision, why, step, reasons, tuple(filter(None, (*before, in_short, after))))


def _why_changed(alerts: Sequence[MetricAssessment], watched: Sequence[MetricAssessment]) -> str:
    """The change that explains most in one sentence, short enough for a line on a phone; an alert if there is one.

    The next step is for the same change: the town's before the network's, a resource's last.
    """
    first = min(alerts or watched, key=lambda metric: (ROLES.index(metric.role), _certainty(metric)))
    return f"{brief_change(first)}{_and_others(len(alerts) + len(watched), 'metric changed', 'metrics changed')}."


def _and_others(amount: int, one: str, several: str) -> str:
    """How many others there are beside the first of an amount, to follow a sentence about that one."""
    return f", and {count(amount - 1, f'other {one}', f'other {several}')}" if amount > 1 else ""


def _certainty(metric: MetricAssessment) -> float:
    decisive = metric.decisive()
    return 1.0 if decisive is None else decisive.corrected_p


def _steady(assessment: Assessment) -> str:
    steady = assessment.of("steady")
    if not steady:
        return ""
    largest_changes = [metric.largest_change for metric in steady if metric.largest_change is not None]
    excluded = ""
    if largest_changes:
        largest = share(max(largest_changes))
        excluded = (
            "; where there is a baseline, the 95 % interval of each, taken by itself, excludes a change of level above "
            f"{largest}"
        )
    others = "the other " if len(steady) < len(assessment.metrics) else "all "
    metrics = count(len(steady), "metric").removeprefix("1 ")
    return f"No change was found in {others}{metrics} over {count(assessment.cycles, 'cycle')}{excluded}."


def _learning(assessment: Assessment) -> tuple[str, str]:
    """What was learned, with the course of every metric, and in short."""
    if not assessment.learning:
        return ("Learning was switched off.",) * 2
    learned = [
        (metric.name, metric.learned_change) for metric in assessment.of("learned") if metric.learned_change is not None
    ]
    if not learned:
        return ("Learning was on, and changed nothing beyond chance.",) * 2
    courses = ", ".join(
        f"{label_of_name(name)} from {number(change.first)} to {number(change.last)}" for name, change in learned
    )
    amount = count(len(learned), "metric")
    if all(change.reference_steady for _, change in learned):
        steady = "the frozen reference beside it held steady."
        return (
            f"By learning, the network moved {courses}; {steady}",
            f"By learning, the network moved {amount}; {steady}",
        )
    too = "the frozen reference moved too, so learning alone is not the reason."
    return f"The network moved {courses}; {too}", f"The network moved {amount}; {too}"
