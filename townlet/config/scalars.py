"""Plain scalars of YAML by the core schema of YAML 1.2: null, a boolean, a number, or else text.

Source: https://yaml.org/spec/1.2.2/#103-core-schema. PyYAML follows YAML 1.1, in which ``8:00`` is 480, ``010`` is 8,
``no`` is false and ``1e-3`` is text, which is not what people mean.
"""

from __future__ import annotations

import re

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL, _HEXADECIMAL = re.compile(r"0o[0-7]+"), re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE, _NAN = re.compile(r"[-+]?\.(inf|Inf|INF)"), re.compile(r"\.(nan|NaN|NAN)")

#: ``010`` is 8 to some readers and 10 to others. The core schema says 10; here it is text.
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")
_CLOCK = re.compile(r"[-+]?[0-9]+(:[0-9.]+)+")
_GROUPED = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?")

#: Most digits of a whole number, a little below the limit of Python's conversion.
_MOST_DIGITS = 4000

Scalar = None | bool | int | float | str


def read_scalar(text: str) -> Scalar:
    """Return the value of a plain scalar. Text that different readers take for different numbers stays text."""
    if text in _TRUTHS:
        return _TRUTHS[text]
    if _NULL.fullmatch(text):
        return None
    number = read_number(text)
    return text if number is None else number


def read_number(text: str) -> int | float | None:
    """Return the number that a text means, or None."""
    if len(text) > _MOST_DIGITS or _LEADING_ZERO.fullmatch(text):
        return None
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return float("nan") if _NAN.fullmatch(text) else None


def why_no_number(text: str) -> str:
    """Return the end of a phrase that says why a text is not a number; empty if it does not resemble one."""
    if _CLOCK.fullmatch(text):
        return " of ticks, not a time of day"
    if _LEADING_ZERO.fullmatch(text):
        return " without leading zeros"
    return " without _ in it" if _GROUPED.fullmatch(text) else ""
