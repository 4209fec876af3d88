"""Fairness of shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def jain_index(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Jain's index (Σx)² / (n Σx²) of each row of ``shares``, float64 [W, N] (Jain, Chiu and Hawe 1984).

    It is 1 for equal shares and 1/n if one has everything; a row in which nobody has anything counts as equal.
    """
    squares = shares.shape[1] * np.square(shares).sum(axis=1)
    index: NDArray[np.float64] = np.ones_like(squares)
    np.divide(np.square(shares.sum(axis=1)), squares, out=index, where=squares > 0)
    return index
