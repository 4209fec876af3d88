"""Seeded draws of which Python promises that they stay the same from version to version."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """A stream of its own for each purpose, so that one more building changes nobody's character.

    Only ``random.Random.random`` is reproducible across versions of Python, so that all else is made of it.
    """

    def __init__(self, seed: int, purpose: str) -> None:
        self._generator = random.Random(f"{seed} {purpose}")

    def unit(self) -> float:
        """A number in [0, 1)."""
        return self._generator.random()

    def below(self, bound: int) -> int:
        """A whole number from 0 to before a bound."""
        return int(self.unit() * bound)

    def between(self, bounds: tuple[float, float]) -> float:
        """A number from a lower to an upper bound, with three decimals where they allow it."""
        low, high = bounds
        return min(max(round(low + self.unit() * (high - low), 3), low), high)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in a drawn order."""
        return [item for _, item in sorted([(self.unit(), item) for item in items], key=lambda pair: pair[0])]
