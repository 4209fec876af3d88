"""Faults made of pydantic's errors, in Townlet's words."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from townlet.config.scalars import why_no_number
from townlet.config.town import NAME_PATTERN
from townlet.errors import Fault, nearest_name

#: Expectations in place of pydantic's names of Python types, by error type.
_EXPECTED = {
    "missing": "a value",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping",
    "string_type": "text",
    "tuple_type": "a list",
}
_PATTERNS = {NAME_PATTERN: "a name of lower-case letters, digits and _ that begins with a letter"}

_brief = reprlib.Repr()
_brief.maxlevel = 1
_brief.maxstring = _brief.maxother = _brief.maxlong = 60


def fault_of(file: str, detail: ErrorDetails, model: type[BaseModel], place: str, written: str | None = None) -> Fault:
    """Make a fault of one pydantic error.

    Args:
        file: the source to name.
        detail: the error.
        model: the model that was validated.
        place: the name of the error's location.
        written: the value's original text in the file, if known.
    """
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        key = str(detail["loc"][-1])
        return Fault(file, place, f"unknown key {key!r}", nearest_name(key, known_keys(model, detail["loc"][:-1])))
    if kind == "missing":
        found = "nothing"
    else:
        found = quote(value) if written is None or isinstance(value, str) else _brief.repr(_Plain(written))
    return Fault(file, place, found, _expected(kind, detail))


class _Plain(str):
    """Text whose ``repr`` has no quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def quote(value: Any) -> str:
    """Return a value as its file would write it, in at most one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        keys = [str(key) for key in list(value)[:6]]
        return f"a mapping with {', '.join(keys)}{', …' if len(value) > 6 else ''}" if keys else "an empty mapping"
    if isinstance(value, tuple):
        value = list(value)
    return _brief.repr(value)


def _expected(kind: str, detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if kind in _EXPECTED:
        return _EXPECTED[kind] + _hint(kind, detail["input"])
    if kind == "too_short":
        return f"at least {_entries(context['min_length'])}"
    if kind == "too_long":
        return f"at most {_entries(context['max_length'])}"
    if kind == "string_too_short":
        return "text that is not empty"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"text that matches {context['pattern']}")
    expected = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if kind == "literal_error" and isinstance(detail["input"], str):
        expected += _closest(detail["input"], context["expected"])
    return expected


def _hint(kind: str, value: Any) -> str:
    if kind in ("int_type", "float_type") and isinstance(value, str):
        return why_no_number(value)
    if kind == "string_type" and isinstance(value, bool | int | float):
        return ", which needs quotes here"
    return ""


def _entries(count: int) -> str:
    return f"{count} entry" if count == 1 else f"{count} entries"


def _closest(value: str, listing: str) -> str:
    """A suggestion out of pydantic's listing ``'a', 'b' or 'c'``."""
    names = [part.strip(" '") for part in listing.replace(" or ", ",").split(",")]
    _, found, closest = nearest_name(value, names).partition("did you mean ")
    return f"; {found}{closest}" if found else ""


def known_keys(model: type[BaseModel], where: tuple[int | str, ...]) -> list[str]:
    """The keys of the section at a path."""
    current: Any = model
    for part in where:
        inside_section = isinstance(current, type) and issubclass(current, BaseModel)
        current = plain_type(current.model_fields[str(part)].annotation if inside_section else item_type(current))
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def plain_type(annotation: Any) -> Any:
    """A type without ``Annotated``, and without the None of an optional one."""
    if get_origin(annotation) is Annotated:
        return plain_type(get_args(annotation)[0])
    arguments = [argument for argument in get_args(annotation) if argument is not type(None)]
    return arguments[0] if type(None) in get_args(annotation) and len(arguments) == 1 else annotation


def item_type(annotation: Any) -> Any:
    """The type of the items of a list, tuple or mapping."""
    arguments = [argument for argument in get_args(annotation) if argument is not Ellipsis]
    return arguments[-1] if arguments else annotation
