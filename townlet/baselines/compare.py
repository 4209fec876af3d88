"""Comparison of baselines: what changed from an old one to a new one, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from townlet.baselines.baseline import Baseline
from townlet.config.base import Section
from townlet.statistics.effect_size import hedges_g
from townlet.statistics.welch import difference_of_means

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Parts of a baseline beside its figures and its hash, by what a sentence calls them.
_PARTS: dict[str, Callable[[Baseline], Any]] = {
    "scenario": lambda baseline: (baseline.scenario, baseline.scenario_sha256),
    "behavior": lambda baseline: baseline.behavior,
    "policy": lambda baseline: baseline.acted,
    "size": lambda baseline: (baseline.worlds, baseline.ticks),
    "seeds": lambda baseline: baseline.seeds,
    "code": lambda baseline: baseline.code.sha256,
    "commit": lambda baseline: baseline.code.commit,
    "command": lambda baseline: baseline.made_with,
    "manifests": lambda baseline: baseline.manifests,
}


class Difference(Section):
    """The difference of one metric between two baselines; a side that lacks the metric is null."""

    old: float | None
    """Mean over the old baseline's seeds."""
    new: float | None
    """Mean over the new baseline's seeds."""
    change: float | None
    """New mean minus old mean."""
    low: float | None
    """Lower bound of the change's 95 % interval, by Welch's t; null with fewer than two seeds on a side."""
    high: float | None
    """Upper bound of that interval."""
    effect: float | None
    """Hedges' g; null where no seed differs from another."""


def differences(old: Baseline | None, new: Baseline) -> dict[str, Difference]:
    """The difference of every metric of either baseline, by name; empty without an old one."""
    if old is None:
        return {}
    before, after = old.samples(), new.samples()
    return {name: difference(before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])}


def same_figures(old: Baseline, new: Baseline, which: str = "") -> str | None:
    """A sentence, without its full stop, if two baselines have the same figures to the last bit; None if they differ.

    It says what differs all the same, such as the code: the hash covers that, too, and so is another one. ``which``
    stands before the old baseline's hash, such as ``"the promoted "``.
    """
    if old.metrics != new.metrics:
        return None
    name = f"{which}{old.sha256[:12]}"
    if old.sha256 == new.sha256:
        return f"it is {name} itself"
    differing = [what for what, part in _PARTS.items() if part(old) != part(new)]
    others = f"{', '.join(differing)} and hash differ" if differing else "the hash differs"
    return f"the same figures as {name}; only {others}"


def comparison_in_words(promoted: Baseline, new: Baseline) -> str:
    """A comparison of a new measurement with the promoted baseline, as a sentence without its full stop."""
    changed = differences(promoted, new)
    moved = sum(each.old != each.new for each in changed.values())
    return same_figures(promoted, new, "the promoted ") or (
        f"{moved} of {len(changed)} metrics have another mean than in the promoted {promoted.sha256[:12]}"
    )


def difference(old: NDArray[np.float64] | None, new: NDArray[np.float64] | None) -> Difference:
    """The difference of a metric between samples ``old``, float64 [m], and ``new``, float64 [n]; None for none."""
    means = [None if samples is None else float(samples.mean()) for samples in (old, new)]
    if old is None or new is None:
        return Difference(old=means[0], new=means[1], change=None, low=None, high=None, effect=None)
    change: float = float(new.mean() - old.mean())
    low = high = None
    if min(len(old), len(new)) > 1:
        change, low, high = difference_of_means(new, old)
    return Difference(old=means[0], new=means[1], change=change, low=low, high=high, effect=hedges_g(old, new))
