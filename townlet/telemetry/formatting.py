"""Numbers as people read them."""

from __future__ import annotations


def number(value: float) -> str:
    """Four significant digits, and thousands grouped where no decimals are left: ``0.01235``, ``12,346``."""
    if value == 0:
        return "0"
    if 1e3 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def count(amount: int, noun: str, plural: str = "") -> str:
    """``1 epoch``, ``12 epochs``."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"
