"""Validated telemetry as an Arrow table and as Parquet, with each column's meaning and unit."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from townlet.errors import InputError
from townlet.telemetry.record import BY_NAME, FIELDS
from townlet.telemetry.validator import read_records

if TYPE_CHECKING:
    import pyarrow as pa


def telemetry_table(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Make a table of valid records, one row per record, with nulls for missing values.

    The columns are every field of schema 1.1 in order of declaration, so that the tables of all logs concatenate, then
    the optional and extra fields that occur. Types are int64, double and string; extra numbers are double. The metadata
    of a declared column holds ``meaning`` and ``unit``.
    """
    import pyarrow as pa

    present = {name for record in records for name in record}
    columns: list[pa.Array] = []
    schema: list[pa.Field] = []
    kinds = {"int": pa.int64(), "float": pa.float64(), "str": pa.string()}
    for field in FIELDS:
        if field.since is not None or field.name in present:
            metadata = {"meaning": field.meaning, "unit": field.unit}
            schema.append(pa.field(field.name, kinds[field.kind], metadata=metadata))
    for name in sorted(present - BY_NAME.keys()):
        text = any(isinstance(record.get(name), str) for record in records)
        schema.append(pa.field(name, kinds["str" if text else "float"]))
    convert = {pa.int64(): int, pa.float64(): float, pa.string(): str}
    for column in schema:
        values = [record.get(column.name) for record in records]
        plain = [None if value is None else convert[column.type](value) for value in values]
        columns.append(pa.array(plain, type=column.type))
    return pa.Table.from_arrays(columns, schema=pa.schema(schema))


def write_table(log: str | Path, out: str | Path) -> str:
    """Write a log as one Parquet file (zstd), and return its SHA-256. Equal logs give equal bytes.

    Raises :class:`InputError`, and leaves ``out`` as it was, if the log is not valid.
    """
    import pyarrow.parquet as pq

    from townlet.files.storage import write_atomically

    if Path(out).is_dir():
        raise InputError.of(out, "", "a folder", "the name of a Parquet file")
    buffer = io.BytesIO()
    pq.write_table(telemetry_table(read_records(log)), buffer, compression="zstd")
    return write_atomically(Path(out), buffer.getvalue())
