"""Analysis that the protocol prescribes: hypotheses, their tests, and the figures of every arm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.metrics import CONFLICT_INTENSITY, METRICS, Metric
from townlet.statistics.bootstrap import iqm, iqm_interval, paired_test, probability_of_improvement
from townlet.statistics.intervals import Interval
from townlet.statistics.multiple_tests import holm
from townlet.study.conflict.evaluate import STUDY_METRICS
from townlet.study.conflict.plan import Findings, Scores

#: Family-wise error rate.
ALPHA = 0.05


@dataclass(frozen=True)
class Hypothesis:
    """A claim that a paired difference lies above 0."""

    name: str
    says: str
    metric: str
    other: str
    """The arm that the conflict-aware one is compared with."""
    difference: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
    """The difference from the aware arm's scores and the other's, float64 [S] each."""


def _lower(aware: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return other - aware


def _higher(aware: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return aware - other


CONFLICT, NEEDS, USE = CONFLICT_INTENSITY, "needs_mean_of_residents", "utilisation"
HYPOTHESES = (
    Hypothesis("halved", "at least 50 % less intensity than blind", CONFLICT, "blind", lambda a, b: 0.5 * b - a),
    Hypothesis("needs kept", "needs no more than 2 % below blind", NEEDS, "blind", lambda a, b: a - 0.98 * b),
    Hypothesis("use kept", "showers used no more than 5 % less than blind", USE, "blind", lambda a, b: a - 0.95 * b),
    Hypothesis("no placebo 1", "less intensity than the shuffled ledger", CONFLICT, "shuffled", _lower),
    Hypothesis("no placebo 2", "less intensity than the mistimed penalty", CONFLICT, "mistimed", _lower),
    Hypothesis("needs, heuristic", "higher needs than the heuristic", NEEDS, "heuristic", _higher),
    Hypothesis("conflict, heuristic", "less intensity than the heuristic", CONFLICT, "heuristic", _lower),
)
#: Number of the attempt at the comparison beyond the claim, and its hypotheses, about the continued arm.
ATTEMPT = 2
FURTHER = (
    Hypothesis("further needs", "higher needs than the heuristic", NEEDS, "heuristic", _higher),
    Hypothesis("further conflict", "less intensity than the heuristic", CONFLICT, "heuristic", _lower),
    Hypothesis(
        "further use",
        "showers used no more than 5 % less",
        USE,
        "heuristic",
        lambda a, b: a - 0.95 * b,
    ),
)
#: The claim stands if these hold and the intervals of aware and blind do not overlap. The others are aims beyond it.
CLAIM = ("halved", "needs kept", "use kept", "no placebo 1", "no placebo 2")


@dataclass(frozen=True)
class Outcome:
    """A hypothesis and the result of its test."""

    hypothesis: Hypothesis
    aware: float
    """Interquartile mean of the aware arm's scores."""
    other: float
    """The same of the other arm's scores."""
    p_value: float
    adjusted: float
    """p-value after correction for several tests."""
    improvement: Interval
    """Probability that the aware arm is better, with its 95 % interval."""

    @property
    def holds(self) -> bool:
        """Whether the hypothesis holds at the family-wise error rate."""
        return self.adjusted < ALPHA


def further_outcomes_of(arms: dict[str, Scores]) -> list[Outcome]:
    """Outcomes beyond the claim; their p-values are also corrected for the number of attempts (Bonferroni)."""
    outcomes = outcomes_of({"aware": arms["continued"], "heuristic": arms["heuristic"]}, FURTHER)
    return [replace(outcome, adjusted=min(1.0, ATTEMPT * outcome.adjusted)) for outcome in outcomes]


def outcomes_of(arms: dict[str, Scores], hypotheses: Sequence[Hypothesis] = HYPOTHESES) -> list[Outcome]:
    """Outcomes of hypotheses, by default all primary ones, in the training town, with Holm's correction."""
    pairs = [(arms["aware"][h.metric], arms[h.other][h.metric]) for h in hypotheses]
    p_values = [paired_test(h.difference(*pair)) for h, pair in zip(hypotheses, pairs, strict=True)]
    outcomes = []
    for hypothesis, (aware, other), p_value, adjusted in zip(hypotheses, pairs, p_values, holm(p_values), strict=True):
        sign = 1.0 if METRICS[hypothesis.metric].more_is_better else -1.0
        improvement = probability_of_improvement(sign * aware, sign * other)
        outcomes.append(Outcome(hypothesis, iqm(aware), iqm(other), p_value, adjusted, improvement))
    return outcomes


def intervals_apart(arms: dict[str, Scores]) -> bool:
    """Whether the aware arm's 95 % interval of conflict intensity lies wholly below the blind arm's."""
    return iqm_interval(arms["aware"][CONFLICT]).high < iqm_interval(arms["blind"][CONFLICT]).low


def claim_stands(outcomes: list[Outcome], apart: bool) -> bool:
    """Whether all parts of the claim hold."""
    return apart and all(outcome.holds for outcome in outcomes if outcome.hypothesis.name in CLAIM)


def reduction(arms: dict[str, Scores]) -> float:
    """Relative reduction of conflict intensity from the blind to the aware arm, by interquartile means."""
    blind = iqm(arms["blind"][CONFLICT])
    return 1.0 - iqm(arms["aware"][CONFLICT]) / blind if blind > 0 else 0.0


def held_out_together(findings: Findings, arm: str, metric: str) -> NDArray[np.float64]:
    """float64 [S, K]: the scores of an arm in the K towns in which it was not trained."""
    return np.stack([towns[arm][metric] for towns in findings.held_out.values()], axis=1)


def as_json(findings: Findings, outcomes: list[Outcome]) -> dict[str, Any]:
    """All findings as plain values, with every seed's scores."""
    return {
        "settings": findings.settings.as_json(),
        "metrics": {name: _registered(METRICS[name]) for name in STUDY_METRICS},
        "intervals_apart": intervals_apart(findings.arms),
        "claim_stands": claim_stands(outcomes, intervals_apart(findings.arms)),
        "reduction": reduction(findings.arms),
        "hypotheses": [_outcome(outcome) for outcome in outcomes],
        "further": {
            "hypotheses": [_outcome(outcome) for outcome in further_outcomes_of(findings.further)],
            "arms": _plain(findings.further),
        },
        "arms": _plain(findings.arms),
        "held_out": {town: _plain(arms) for town, arms in findings.held_out.items()},
        "mixed_populations": {background: _plain(arms) for background, arms in findings.mixed.items()},
        "doses": {f"{demand:g}": _plain(arms) for demand, arms in findings.doses.items()},
        "curves": {
            arm: {name: values.tolist() for name, values in curves.items()} for arm, curves in findings.curves.items()
        },
        "penalties": _plain({f"{penalty:g}": scores for penalty, scores in findings.penalties.items()}),
    }


def _registered(metric: Metric) -> dict[str, Any]:
    return {"unit": metric.unit, "meaning": metric.meaning, "more_is_better": metric.more_is_better}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.hypothesis.name,
        "says": outcome.hypothesis.says,
        "metric": outcome.hypothesis.metric,
        "other": outcome.hypothesis.other,
        "aware_iqm": outcome.aware,
        "other_iqm": outcome.other,
        "p": outcome.p_value,
        "p_holm": outcome.adjusted,
        "holds": outcome.holds,
        "probability_of_improvement": list(outcome.improvement),
    }


def _plain(arms: dict[str, Scores]) -> dict[str, Any]:
    return {
        arm: {name: {"iqm": list(iqm_interval(values)), "seeds": values.tolist()} for name, values in scores.items()}
        for arm, scores in arms.items()
    }
