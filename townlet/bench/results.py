"""Results of a benchmark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Result = dict[str, Any]


@dataclass
class Measurements:
    """Results in the order of measuring, and notes on what could not be measured and why."""

    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def three_digits(ratio: float) -> float:
    """A ratio of rates, rounded to three significant digits."""
    return float(f"{ratio:.3g}")
