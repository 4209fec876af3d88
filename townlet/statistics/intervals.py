"""95 % intervals of means and of probabilities."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.statistics.welch import student_quantile

#: Standard normal quantile of a two-sided 95 % interval.
Z95 = 1.959963984540054


class Interval(NamedTuple):
    """An estimate and the bounds of its 95 % interval."""

    estimate: float
    low: float
    high: float


def student_interval(values: NDArray[np.float64]) -> Interval:
    """Mean of independent values, float64 [N] with N at least 2, with its interval by Student's t (Student 1908)."""
    mean = float(values.mean())
    half = float(student_quantile(len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


def interval_as_json(values: NDArray[np.float64]) -> dict[str, float]:
    """:func:`student_interval` as a JSON object: mean, low and high."""
    mean, low, high = student_interval(values)
    return {"mean": mean, "low": low, "high": high}


def mean_and_margin(values: NDArray[np.float64]) -> tuple[float, float | None]:
    """Mean of independent values, float64 [N], and 1.96 standard errors of it, for many values; None for a single one.

    By the central limit theorem the margin is half of a 95 % interval.
    """
    if len(values) < 2:
        return float(values.mean()), None
    return float(values.mean()), float(Z95 * values.std(ddof=1) / math.sqrt(len(values)))


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Bounds of a probability by the score test (Wilson 1927, "Probable inference"), exactly 0 and 1 at the ends."""
    share, z2 = successes / trials, Z95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return (0.0 if successes == 0 else middle - half), (1.0 if successes == trials else middle + half)


def exact_interval(successes: int, trials: int) -> tuple[float, float]:
    """Bounds of a probability by the binomial distribution itself (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    interval = binomtest(successes, trials).proportion_ci(0.95, method="exact")
    return float(interval.low), float(interval.high)
