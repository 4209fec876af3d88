"""The difference of two means, and how far it may be from the truth."""

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
    """Mean of ``later`` [N] minus mean of ``earlier`` [M], N and M at least 2, and the bounds of its 95 % interval
    (Welch 1947, Satterthwaite's degrees of freedom); of two constants the difference itself, three times.
    """
    effect = _mean(later) - _mean(earlier)
    deviations = [side - _mean(side) for side in (later, earlier)]
    # Squares of very small deviations would be 0, and their shares undefined.
    unit = max(float(np.abs(one).max()) for one in deviations)
    if unit == 0:
        return effect, effect, effect
    parts = [float(np.square(one / unit).sum()) / (len(one) - 1) / len(one) for one in deviations]
    total = sum(parts)
    degrees = 1 / sum((part / total) ** 2 / (len(one) - 1) for part, one in zip(parts, deviations, strict=True))
    margin = _quantile(degrees) * math.sqrt(total) * unit
    return effect, effect - margin, effect + margin


def _mean(values: NDArray[np.float64]) -> float:
    """The mean; of a constant exactly that, from which a sum divided by its number may differ in the last bit."""
    return float(values[0] if values.min() == values.max() else values.mean())


@functools.lru_cache(maxsize=1024)
def _quantile(degrees: float) -> float:
    """Of Student's t, for a two-sided interval."""
    from scipy.stats import t  # type: ignore[import-untyped]

    return float(t.ppf((1 + CONFIDENCE) / 2, degrees))
