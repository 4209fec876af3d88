"""Verdict of a comparison: one sentence that says which run earns more, or that it cannot be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from townlet.metrics import REWARD
from townlet.statistics.multiple_tests import holm
from townlet.study.several_seeds.table import score

#: Differences with a larger p-value, after Holm's correction, do not count.
LEVEL = 0.05

Outcome = Literal["more", "less", "unclear"]


def verdict(runs: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]]) -> str:
    """The sentence: whether the run with the highest interquartile mean of the reward clearly beats all others.

    A study of several seeds beats another run if the 95 % interval of the probability of improvement excludes 0.5 and
    the rank test says so, too, corrected for the number of comparisons. Of two single policies, one earns more if the
    95 % interval of the difference, world by world, excludes 0.
    """
    values = [run["interquartile_means"][REWARD]["value"] for run in runs]
    if len(set(values)) == 1:
        return f"{_listed([str(run['name']) for run in runs])} earn the same: {score(values[0])} per agent-step."
    best = max(runs, key=lambda run: float(run["interquartile_means"][REWARD]["value"]))
    own = [pair for pair in pairs if best["name"] in (pair["of"], pair["over"])]
    corrected = holm([float(pair["p_value"]) for pair in own])
    found = {_other(pair, best): _outcome(pair, best, p) for pair, p in zip(own, corrected, strict=True)}
    unclear = [name for name, clear in found.items() if not clear]
    if not unclear:
        return f"{best['name']} earns more than {_listed(list(found))}{_why(runs, own, best)}."
    lead = f"It cannot be said whether {best['name']} earns more than {_listed(unclear, 'or')}"
    beaten = [name for name in found if name not in unclear]
    rest = f"; it does earn more than {_listed(beaten)}" if beaten else ""
    return f"{lead}{_why(runs, [pair for pair in own if _other(pair, best) in unclear], best)}{rest}.{_advice(runs)}"


def _other(pair: Mapping[str, Any], best: Mapping[str, Any]) -> str:
    return str(pair["over"] if pair["of"] == best["name"] else pair["of"])


def _outcome(pair: Mapping[str, Any], best: Mapping[str, Any], p_value: float) -> bool:
    """Whether the best run clearly earns more than the other one of a pair."""
    forth = pair["of"] == best["name"]
    if "difference_over_worlds" in pair:
        between = pair["difference_over_worlds"]
        return bool(between["low"] > 0.0 if forth else between["high"] < 0.0)
    chance = pair["probability_of_improvement"]
    if chance["low"] is None:
        return False
    apart = chance["low"] > 0.5 if forth else chance["high"] < 0.5
    return bool(apart and p_value < LEVEL)


def _why(runs: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]], best: Mapping[str, Any]) -> str:
    """The number behind the sentence, where it is about one other run."""
    if len(pairs) != 1:
        return ""
    (pair,) = pairs
    forth = pair["of"] == best["name"]
    if "difference_over_worlds" in pair:
        between = pair["difference_over_worlds"]
        ends = (between["mean"], between["low"], between["high"])
        mean, low, high = ends if forth else (-ends[0], -ends[2], -ends[1])
        return f": by {score(mean)} [{score(low)}, {score(high)}] per agent-step over these worlds"
    chance = pair["probability_of_improvement"]
    ends = (chance["value"], chance["low"], chance["high"])
    if ends[1] is None:
        return f": P = {ends[0] if forth else 1.0 - ends[0]:.2f}"
    value, low, high = ends if forth else (1.0 - ends[0], 1.0 - ends[2], 1.0 - ends[1])
    return f": P = {value:.2f} [{low:.2f}, {high:.2f}]"


def _advice(runs: Sequence[Mapping[str, Any]]) -> str:
    """What would help, if there are too few seeds to tell anything."""
    fewest = min((run["seeds"] for run in runs if run["kind"] == "seeds"), default=0)
    if fewest == 0:
        return " More --worlds would tell."
    return f" {fewest} seeds are few; more may tell." if fewest < 10 else ""


def _listed(names: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), names[-1]])
