"""Numbers formatted for people."""

from __future__ import annotations


def number(value: float) -> str:
    """Format a number with four significant digits, or from 1,000 on as a grouped integer: ``0.01235``, ``12,346``."""
    if value == 0:
        return "0"
    if 1e3 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def count(amount: int, noun: str, plural: str = "") -> str:
    """Format an amount with its noun: ``1 epoch``, ``12 epochs``."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"
