"""Checks of a table's columns and values before their use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from townlet.capture.columns import numbers_of
from townlet.errors import InputError

#: Columns that may hold nulls.
_NULLABLE = ("value", "final_observation")


def require_schema(found: pa.Schema, schema: pa.Schema, file: object) -> None:
    """Raise InputError, naming the columns at fault, unless the table in ``file`` has the expected schema.

    Lists of a fixed size are accepted for lists of any size, as earlier versions wrote them.
    """
    # Equal list types can have different hashes, so a difference of sets would name too many.
    kinds, expected = (dict(zip(each.names, each.types, strict=True)) for each in (found, schema))
    different = sorted(name for name in {*kinds, *expected} if not _alike(kinds.get(name), expected.get(name)))
    if different or found.names != schema.names:
        fields = ", ".join(different) or "the order of columns"
        raise InputError.of(file, fields, "another schema", "the columns that the manifest describes")


def require_numbers(table: pa.Table, features: int, actions: int, file: object) -> None:
    """Raise InputError, naming the column, unless the values of the step table in ``file`` can be used.

    Faults are a null or a non-finite number where none may be, a list of the wrong size, and an unknown action.
    """
    for name, values in _columns(table, features, file):
        if values.null_count:
            raise InputError.of(file, name, f"{values.null_count} nulls", "a value in each row")
        if pa.types.is_floating(values.type):
            numbers = numbers_of(values)
            if not np.isfinite(numbers).all():
                raise InputError.of(file, name, "a number that is not finite", "finite numbers")
    action = numbers_of(table["action"])
    if len(action) and not (action.min() >= 0 and action.max() < actions):
        raise InputError.of(file, "action", f"{action.min()} to {action.max()}", f"0 to {actions - 1}")


def _alike(found: Any, expected: Any) -> bool:
    if found is None or expected is None:
        return False
    if pa.types.is_list(expected) and pa.types.is_fixed_size_list(found):
        return bool(found.value_type.equals(expected.value_type))
    return bool(found.equals(expected))


def _columns(table: pa.Table, features: int, file: object) -> Iterator[tuple[str, Any]]:
    """Yield every column by name: lists flattened to their values, permitted nulls left out."""
    for name in table.column_names:
        column = table[name]
        if name == "final_observation":
            column = column.filter(table["truncated"])
        elif name in _NULLABLE:
            column = column.drop_null()
        if pa.types.is_dictionary(column.type) or not pa.types.is_nested(column.type):
            yield name, column
            continue
        lengths = pc.list_value_length(column)
        if column.null_count:
            yield name, column
        if name == "final_observation" and (numbers_of(lengths) != features).any():
            raise InputError.of(file, name, "a list of another size", f"{features} numbers where truncated is true")
        yield name, pc.list_flatten(column)
