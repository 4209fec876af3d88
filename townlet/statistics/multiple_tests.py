"""Corrections for several tests at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that keep the family-wise error rate (Holm 1979).

    The k-th smallest of m is multiplied by m − k + 1; it is at least the adjusted one before it, and at most 1.
    """
    adjusted = [0.0] * len(p_values)
    floor = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        floor = max(floor, min((len(p_values) - rank) * p_values[index], 1.0))
        adjusted[index] = floor
    return adjusted
