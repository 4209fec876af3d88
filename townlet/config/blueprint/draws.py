"""Seeded draws that are the same in every version of Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """A stream of draws for one purpose, so that adding a building, for example, changes nobody's personality.

    Python guarantees reproducibility across versions for ``random.Random.random`` only, so all draws build on it.
    """

    def __init__(self, seed: int, purpose: str) -> None:
        self._generator = random.Random(f"{seed} {purpose}")

    def unit(self) -> float:
        """Draw a number in [0, 1)."""
        return self._generator.random()

    def below(self, bound: int) -> int:
        """Draw a whole number from 0 to ``bound`` − 1."""
        return int(self.unit() * bound)

    def between(self, bounds: tuple[float, float]) -> float:
        """Draw a number between two bounds, rounded to three decimals as far as the bounds allow."""
        low, high = bounds
        return min(max(round(low + self.unit() * (high - low), 3), low), high)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a random order."""
        return [item for _, item in sorted([(self.unit(), item) for item in items], key=lambda pair: pair[0])]
