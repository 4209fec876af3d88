"""Strips: rows of dots, one for each seed, with an estimate and its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from townlet.statistics.intervals import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_strip(
    axes: Axes, row: float, values: NDArray[np.float64], interval: Interval, color: str, least: float = -np.inf
) -> None:
    """Draw a strip at a height: values, float64 [S], and their interval; smaller ones than ``least`` are drawn there.

    ``least`` is the edge of a logarithmic axis.
    """
    low, high, middle = (max(bound, least) for bound in (interval.low, interval.high, interval.estimate))
    axes.plot(np.maximum(values, least), np.full(len(values), row), "o", color=color, alpha=0.4, markersize=4)
    axes.plot([low, high], [row, row], color=color, linewidth=4, alpha=0.5)
    axes.plot([middle], [row], "|", color=color, markersize=14, markeredgewidth=2.4)
