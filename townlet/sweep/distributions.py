"""Distributions of single settings: a range of numbers, or a list of choices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import JsonValue

from townlet.config.scalars import Scalar
from townlet.files.storage import canonical_json

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

#: Significant digits of a number that is drawn without a step: settings are read and typed by people.
DIGITS = 4
_EQUAL = 1e-9


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included."""

    low: float
    high: float
    log: bool = False
    """Whether the logarithm is drawn evenly."""
    step: float | None = None
    """Distance of the values from each other, counted from ``low``."""
    whole: bool = False
    """Whether the values are whole numbers."""

    def for_optuna(self) -> BaseDistribution:
        """The same as Optuna's distribution."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), self.log, int(self.step or 1))
        return FloatDistribution(self.low, self.high, self.log, self.step)

    def ends(self) -> tuple[JsonValue, ...]:
        """The extreme values."""
        return (self.setting(self.low), self.setting(self.high))

    def count(self) -> int | None:
        """The number of values; None if there is no step."""
        step = self._distance()
        return None if step is None else round((self.high - self.low) / step) + 1

    def point(self, index: int) -> JsonValue:
        """One of the values, the lowest first."""
        return self.setting(self.low + index * (self._distance() or 0))

    def _distance(self) -> float | None:
        return self.step or (1 if self.whole and not self.log else None)

    def setting(self, drawn: float) -> JsonValue:
        """The setting that a drawn number stands for."""
        if self.whole:
            return round(drawn)
        digits = DIGITS if self.step is None else 12
        return min(max(float(f"{drawn:.{digits}g}"), self.low), self.high)

    def value(self, setting: JsonValue) -> JsonValue:
        """The number that a setting of this range is to Optuna."""
        return setting

    def holds(self, setting: JsonValue) -> bool:
        """Whether a setting is in the range, and on one of its steps."""
        if isinstance(setting, bool) or not isinstance(setting, int | float) or not self.low <= setting <= self.high:
            return False
        if self.whole and not isinstance(setting, int):
            return False
        return self.step is None or is_multiple(setting - self.low, self.step)


@dataclass(frozen=True)
class Choices:
    """A list of values without an order."""

    values: tuple[JsonValue, ...]

    def for_optuna(self) -> BaseDistribution:
        """The same as Optuna's distribution."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution([_scalar(value) for value in self.values])

    def ends(self) -> tuple[JsonValue, ...]:
        """All values: each is extreme."""
        return self.values

    def count(self) -> int | None:
        """The number of values."""
        return len(self.values)

    def point(self, index: int) -> JsonValue:
        """One of the values, in the order of the list."""
        return self.values[index]

    def setting(self, drawn: JsonValue) -> JsonValue:
        """The setting that a drawn scalar stands for."""
        return next(value for value in self.values if _same(_scalar(value), drawn))

    def value(self, setting: JsonValue) -> JsonValue:
        """The scalar that a setting of this list is to Optuna, which knows no lists."""
        return _scalar(setting)

    def holds(self, setting: JsonValue) -> bool:
        """Whether a setting is one of the choices."""
        return any(_same(setting, value) for value in self.values)


Distribution = Range | Choices


def grid_size(distributions: Sequence[Distribution]) -> int | None:
    """The number of combinations of all values; None if a range has no step."""
    counts = [one.count() for one in distributions]
    return None if None in counts else math.prod(one for one in counts if one is not None)


def grid_point(distributions: Sequence[Distribution], index: int) -> tuple[JsonValue, ...]:
    """One combination of values; from one index to the next, the last setting's changes fastest.

    A grid may have more points than memory holds, so there is no list of them.
    """
    found: list[JsonValue] = []
    for one in reversed(distributions):
        index, place = divmod(index, one.count() or 1)
        found.append(one.point(place))
    return tuple(reversed(found))


def is_multiple(number: float, step: float) -> bool:
    """Whether a number is a whole multiple of a step, but for rounding."""
    if not math.isfinite(number / step):
        return False
    return math.isclose(number / step, round(number / step), rel_tol=_EQUAL, abs_tol=_EQUAL)


def _scalar(value: JsonValue) -> Scalar:
    return canonical_json(value) if isinstance(value, list | dict) else value


def _same(one: JsonValue, other: JsonValue) -> bool:
    # To Python, 1 and true are equal; 1 and 1.0 are the same setting.
    return one == other and isinstance(one, bool) == isinstance(other, bool)
