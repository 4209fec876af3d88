"""Standing of a policy: whom it beats in reward, and how it compares with the heuristic in all that counts."""

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
#: Townlet's own behaviours in a sentence; a behaviour from outside has its name alone.
_IN_WORDS = {"scripted": "the script", "heuristic": "the heuristic", "random": "chance", "mixed": "this company"}


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
    subject: str = "the policy"
    """Who is evaluated."""

    @property
    def holds(self) -> bool:
        """Whether the policy is certainly not below the heuristic in anything that counts."""
        return not self.worse and not self.unclear

    def sentence(self) -> str:
        """How the policy stands, in words."""
        if self.subject == _IN_WORDS[OTHER]:
            return "This is the heuristic itself, which policies are compared with."
        if self.holds:
            verdict = f"{_capital(self.subject)} is not below the {OTHER}"
        elif self.worse:
            verdict = f"{_capital(self.subject)} is below the {OTHER}"
        else:
            verdict = f"Whether {self.subject} is below the {OTHER} is undecided"
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
    named = {group: tuple(names) for group, names in groups.items()}
    return PolicyStanding(**named, conflict=_conflict(evaluation), subject=subject_of(evaluation))


def acting_name(evaluation: Mapping[str, Any]) -> str:
    """The name of who is evaluated: ``policy``, or that of another behaviour, such as ``heuristic``."""
    return str(evaluation.get("behavior", {}).get("name", "policy"))


def subject_of(evaluation: Mapping[str, Any]) -> str:
    """Who is evaluated, as the subject of a sentence."""
    name = acting_name(evaluation)
    return "the policy" if name == "policy" else _IN_WORDS.get(name, name)


def reward_verdict(evaluation: Mapping[str, Any]) -> str:
    """Who earns more: a sentence about the 95 % intervals of the differences to each other behaviour in mean reward."""
    groups: dict[str, list[str]] = {"better than": [], "worse than": [], "the same as": [], "": []}
    for name, differences in evaluation["policy_minus"].items():
        low, high = (differences[REWARD][end] for end in ("low", "high"))
        same = low == high == 0.0
        group = "the same as" if same else "better than" if low > 0.0 else "worse than" if high < 0.0 else ""
        groups[group].append(_IN_WORDS[name])
    unclear = groups.pop("")
    said = [f"{group} {_listed(names)}" for group, names in groups.items() if names]
    clauses = [f"{_capital(subject_of(evaluation))} is {', and '.join(said)}"] if said else []
    if unclear:
        whether = f"whether {'it' if said else subject_of(evaluation)} is better than {_listed(unclear)} cannot be told"
        clauses.append(whether if said else _capital(whether))
    return f"{'; '.join(clauses)} (mean reward in {evaluation['worlds']} worlds)."


def _group(name: str, difference: Mapping[str, float], reference: float) -> str:
    low, high, margin = difference["low"], difference["high"], MARGIN * abs(reference)
    if not METRICS[name].more_is_better:
        low, high, margin = -high, -low, 0.0
    if low > 0.0:
        return "better"
    if low >= -margin:
        return "not_worse"
    return "worse" if high < 0.0 else "unclear"


def _capital(words: str) -> str:
    """A sentence's beginning; a name stays as it is."""
    return words[0].upper() + words[1:] if " " in words or words in _IN_WORDS.values() else words


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
