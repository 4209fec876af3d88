"""Checks of a single telemetry record, and quotes of faulty values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from townlet.files.strict_json import is_number, is_utf8
from townlet.telemetry.record import BY_NAME, VERSIONS, Field, required_fields
from townlet.text.terminal import printable

#: Distance by which a float may exceed its bound, through rounding in single precision.
ROUNDING = 1e-6

#: Largest magnitude of a number; means of squares of larger ones exceed double precision.
_LARGEST = 1e150
_LARGEST_INT = 2**63 - 1
_NUMBER = {"int": "a whole number", "float": "a finite number"}
_JSON_TYPES = {bool: "boolean", list: "list", dict: "object", type(None): "null"}


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A fault of one field of a record, or, with an empty ``field``, of the whole record."""

    field: str
    found: str
    expected: str


def quoted(value: Any) -> str:
    """Return a JSON value as written in the log, shortened and safe to print."""
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError, TypeError):
        text = f"a {type(value).__name__}"
    if type(value) in _JSON_TYPES and value is not None:
        text = f"the {_JSON_TYPES[type(value)]} {text}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def record_faults(record: Mapping[str, Any]) -> list[FieldFault]:
    """Return every fault of one record: missing fields, an unknown version, wrong types and ranges, bad extra fields.

    A whole number may be written as ``3`` or ``3.0``, as in JSON Schema. Extra fields hold a finite number or a string.
    """
    version = record.get("telemetry_version")
    known = is_number(version) and version in VERSIONS
    faults = [
        FieldFault(field.name, "no such field", _expected(field))
        for field in required_fields(float(version) if known and version is not None else 0.0)
        if field.name not in record
    ]
    if not known:
        found = quoted(version) if "telemetry_version" in record else "no such field"
        faults.append(FieldFault("telemetry_version", found, "1.0 or 1.1"))
    for name, value in record.items():
        if name != "telemetry_version":
            faults.extend(_value_faults(name, value))
    return faults


def _value_faults(name: str, value: Any) -> list[FieldFault]:
    field, numeric = BY_NAME.get(name), is_number(value)
    if numeric and abs(value) > _LARGEST:
        return [FieldFault(printable(name), quoted(value), f"a number of at most {_LARGEST:g} in magnitude")]
    if field is None:
        fine = is_utf8(value) if isinstance(value, str) else numeric
        return [] if fine else [FieldFault(printable(name), quoted(value), "a finite number or a string")]
    return [] if _fits(field, value, numeric) else [FieldFault(name, quoted(value), _expected(field))]


def _fits(field: Field, value: Any, numeric: bool) -> bool:
    kind = field.kind
    if kind == "str":
        return isinstance(value, str) and value in field.choices
    if not numeric:
        return False
    if kind == "int" and (value != int(value) or abs(value) > _LARGEST_INT):
        return False
    slack = ROUNDING if kind == "float" else 0.0
    above = field.low is None or value >= field.low - slack
    return above and (field.high is None or value <= field.high + slack)


def _expected(field: Field) -> str:
    if field.kind == "str":
        return f"one of {', '.join(field.choices)}"
    noun = _NUMBER[field.kind]
    if field.low is not None and field.high is not None:
        return f"{noun} from {field.low:g} to {field.high:g}"
    return noun if field.low is None else f"{noun} of at least {field.low:g}"
