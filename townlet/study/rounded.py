"""Figures of reports, rounded for readers."""

from __future__ import annotations

from townlet.statistics.intervals import Interval


def number(value: float) -> str:
    """A number to three digits, or in whole thousands."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def shown(interval: Interval) -> str:
    """An estimate with the bounds of its interval."""
    return f"{number(interval.estimate)} [{number(interval.low)}, {number(interval.high)}]"


def chance(interval: Interval) -> str:
    """A probability with the bounds of its interval."""
    return "{:.2f} [{:.2f}, {:.2f}]".format(*interval)


def counted(count: int, noun: str) -> str:
    """A number of things, with the noun in its form."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
