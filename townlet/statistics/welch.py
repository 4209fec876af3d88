"""Difference of two means with its interval, by Welch's method."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Two-sided coverage of every interval.
CONFIDENCE = 0.95


def difference_of_means(later: NDArray[np.float64], earlier: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean of ``later`` [N] minus mean of ``earlier`` [M], and the bounds of its 95 % interval (Welch 1947).

    N and M are at least 2; the degrees of freedom are Satterthwaite's. If both samples are constant, the bounds are the
    difference itself.
    """
    effect = _mean(later) - _mean(earlier)
    deviations = [side - _mean(side) for side in (later, earlier)]
    # In this unit no square underflows to 0, which would leave the shares below undefined.
    unit = max(float(np.abs(one).max()) for one in deviations)
    if unit == 0:
        return effect, effect, effect
    parts = [float(np.square(one / unit).sum()) / (len(one) - 1) / len(one) for one in deviations]
    total = sum(parts)
    degrees = 1 / sum((part / total) ** 2 / (len(one) - 1) for part, one in zip(parts, deviations, strict=True))
    margin = student_quantile(degrees) * math.sqrt(total) * unit
    return effect, effect - margin, effect + margin


@functools.lru_cache(maxsize=1024)
def student_quantile(degrees: float) -> float:
    """Quantile of Student's t for the two-sided interval."""
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    return float(stdtrit(degrees, (1 + CONFIDENCE) / 2))


def _mean(values: NDArray[np.float64]) -> float:
    """The mean; for a constant exactly its value, which a sum divided by its length may miss by the last bit."""
    return float(values[0] if values.min() == values.max() else values.mean())
