"""Distributions of single settings: a range of numbers, or a list of choices."""

from __future__ import annotations

import itertools
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

    def points(self) -> tuple[JsonValue, ...] | None:
        """All values; None if there is no step."""
        step = self.step or (1 if self.whole and not self.log else None)
        if step is None:
            return None
        return tuple(self.setting(self.low + index * step) for index in range(round((self.high - self.low) / step) + 1))

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

    def points(self) -> tuple[JsonValue, ...] | None:
        """All values."""
        return self.values

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


def grid(distributions: Sequence[Distribution]) -> list[tuple[JsonValue, ...]] | None:
    """All combinations of all values, the last setting's changing fastest; None if a range has no step."""
    points = [one.points() for one in distributions]
    return None if None in points else list(itertools.product(*(one for one in points if one is not None)))


def is_multiple(number: float, step: float) -> bool:
    """Whether a number is a whole multiple of a step, but for rounding."""
    return math.isclose(number / step, round(number / step), rel_tol=_EQUAL, abs_tol=_EQUAL)


def _scalar(value: JsonValue) -> Scalar:
    return canonical_json(value) if isinstance(value, list | dict) else value


def _same(one: JsonValue, other: JsonValue) -> bool:
    # To Python, 1 and true are equal; 1 and 1.0 are the same setting.
    return one == other and isinstance(one, bool) == isinstance(other, bool)
