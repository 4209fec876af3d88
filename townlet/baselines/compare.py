"""From an old baseline to a new one: what changed, by how much, and how sure that is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from townlet.baselines.baseline import Baseline
from townlet.config.base import Section
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


def hedges_g(old: NDArray[np.float64], new: NDArray[np.float64]) -> float | None:
    """Standardised difference of means with Hedges' correction for few samples (Hedges 1981, equations 3 and 6e).

    None where it is not defined: fewer than two samples on a side, or none that differs from another.
    """
    freedom = len(old) + len(new) - 2
    if min(len(old), len(new)) < 2:
        return None
    squares = float((len(old) - 1) * old.var(ddof=1) + (len(new) - 1) * new.var(ddof=1))
    if _constant(old) and _constant(new):
        return 0.0 if old[0] == new[0] else None
    correction = 1.0 - 3.0 / (4.0 * freedom - 1.0)
    return correction * float(new.mean() - old.mean()) / math.sqrt(squares / freedom)


def _constant(samples: NDArray[np.float64]) -> bool:
    # Differences whose squares are too small for a float are none that a spread could be made of.
    return bool(samples.min() == samples.max() or samples.var() == 0.0)
