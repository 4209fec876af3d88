"""Standing of a policy against the heuristic in what counts: reward, needs, attendance, faints; and its conflict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from townlet.metrics import ATTENDANCE, CONFLICT_PER_USE, FAINTS, METRICS, NEEDS_OF_RESIDENTS, REWARD
from townlet.telemetry.formatting import number

#: What counts, where it applies.
COUNTS = (REWARD, NEEDS_OF_RESIDENTS, ATTENDANCE, FAINTS)
#: What may be lost of a metric of which more is better, as a share of the heuristic's value, without being worse.
MARGIN = 0.02
OTHER = "heuristic"


@dataclass(frozen=True, slots=True)
class PolicyStanding:
    """Names of the metrics that count, sorted by the 95 % intervals of the policy's difference from the heuristic.

    Of needs, attendance and reward up to MARGIN of the heuristic's value may be missing; of faints none may be added.
    """

    better: tuple[str, ...]
    """The whole interval is on the better side of 0."""
    not_worse: tuple[str, ...]
    """Not better, and the whole interval is within the margin."""
    worse: tuple[str, ...]
    """Not within the margin, and the whole interval is on the worse side of 0."""
    unclear: tuple[str, ...]
    """All others: the interval is too wide, and more worlds would have to tell."""
    conflict: str
    """A clause about conflict intensity per completed use."""

    @property
    def holds(self) -> bool:
        """Whether the policy is certainly not below the heuristic in anything that counts."""
        return not self.worse and not self.unclear

    def sentence(self) -> str:
        """How the policy stands, in words."""
        if self.holds:
            verdict = f"The policy is not below the {OTHER}"
        elif self.worse:
            verdict = f"The policy is below the {OTHER}"
        else:
            verdict = f"Whether the policy is below the {OTHER} is undecided"
        groups = (
            ("worse in", self.worse),
            ("undecided in", self.unclear),
            ("not worse in", self.not_worse),
            ("better in", self.better),
        )
        said = [f"{words} {_listed([METRICS[name].label for name in names])}" for words, names in groups if names]
        return f"{verdict}: {', '.join(said)}; {self.conflict}."


def policy_standing(evaluation: Mapping[str, Any]) -> PolicyStanding:
    """The standing in an evaluation, as :func:`townlet.evaluation.evaluate` returns it."""
    differences, heuristic = evaluation["policy_minus"][OTHER], evaluation["behaviors"][OTHER]
    groups: dict[str, list[str]] = {"better": [], "not_worse": [], "worse": [], "unclear": []}
    for name in COUNTS:
        if name in differences:
            groups[_group(name, differences[name], heuristic[name]["mean"])].append(name)
    return PolicyStanding(**{group: tuple(names) for group, names in groups.items()}, conflict=_conflict(evaluation))


def _group(name: str, difference: Mapping[str, float], reference: float) -> str:
    low, high, margin = difference["low"], difference["high"], MARGIN * abs(reference)
    if not METRICS[name].more_is_better:
        low, high, margin = -high, -low, 0.0
    if low > 0.0:
        return "better"
    if low >= -margin:
        return "not_worse"
    return "worse" if high < 0.0 else "unclear"


def _listed(words: list[str]) -> str:
    return " and ".join([*([", ".join(words[:-1])] if len(words) > 1 else []), words[-1]])


def _conflict(evaluation: Mapping[str, Any]) -> str:
    difference = evaluation["policy_minus"][OTHER][CONFLICT_PER_USE]
    ours, theirs = (evaluation["behaviors"][name][CONFLICT_PER_USE]["mean"] for name in ("policy", OTHER))
    if difference["low"] == difference["high"] == 0.0:
        compared = "the same as"
    elif difference["high"] < 0.0:
        compared = "less than"
    elif difference["low"] > 0.0:
        compared = "more than"
    else:
        compared = "not clearly more or less than"
    metric = METRICS[CONFLICT_PER_USE]
    return f"its {metric.label} {metric.unit} is {number(ours)}, {compared} the {OTHER}'s {number(theirs)}"
