"""From an old baseline to a new one: what changed, by how much, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townlet.baselines.baseline import Baseline
from townlet.config.base import Section
from townlet.statistics.effect_size import hedges_g
from townlet.statistics.welch import difference_of_means

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Difference(Section):
    """One metric, new against old; what only one of the two has is null for the other."""

    old: float | None
    """Mean over the old baseline's seeds."""
    new: float | None
    change: float | None
    """New mean minus old mean."""
    low: float | None
    """Lower bound of the change's 95 % interval, by Welch's t; null with fewer than two seeds on a side."""
    high: float | None
    effect: float | None
    """Hedges' g; null where no seed differs from another."""


def differences(old: Baseline | None, new: Baseline) -> dict[str, Difference]:
    """Every metric of either baseline, new against old; empty if there is no old one."""
    if old is None:
        return {}
    before, after = old.samples(), new.samples()
    return {name: difference(before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])}


def difference(old: NDArray[np.float64] | None, new: NDArray[np.float64] | None) -> Difference:
    """New samples, float64 [n], against old ones, float64 [m]; None for a metric that one side lacks."""
    means = [None if samples is None else float(samples.mean()) for samples in (old, new)]
    if old is None or new is None:
        return Difference(old=means[0], new=means[1], change=None, low=None, high=None, effect=None)
    change: float = float(new.mean() - old.mean())
    low = high = None
    if min(len(old), len(new)) > 1:
        change, low, high = difference_of_means(new, old)
    return Difference(old=means[0], new=means[1], change=change, low=low, high=high, effect=hedges_g(old, new))
