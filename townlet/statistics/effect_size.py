"""Effect sizes: differences without a unit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def hedges_g(old: NDArray[np.float64], new: NDArray[np.float64]) -> float | None:
    """Standardised difference of means with Hedges' correction for few samples (Hedges 1981, equations 3 and 6e).

    None where it is not defined: with fewer than two samples on a side, or if each side is constant and they differ.
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
    # The squares of very small differences are 0 in floating point: no spread can be computed from them.
    return bool(samples.min() == samples.max() or samples.var() == 0.0)
