"""Reading of captures: every file is checked against the manifest's hashes before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from townlet.capture.columns import numbers_of
from townlet.capture.manifest import FileEntry, Manifest, parse_manifest
from townlet.capture.table_checks import require_numbers, require_schema
from townlet.capture.tables import EVENTS_SCHEMA, fill_buffer, steps_schema
from townlet.errors import InputError
from townlet.files.artefact_names import METRICS_NAME
from townlet.files.storage import AnyPath, as_path, read_bytes, read_sized, sha256
from townlet.files.strict_json import is_number, strict
from townlet.rollout import RolloutBuffer


@dataclass(frozen=True)
class Capture:
    """A recorded rollout in memory."""

    manifest: Manifest
    manifest_sha256: str
    metrics: dict[str, Any]
    buffer: RolloutBuffer

    @property
    def baseline(self) -> dict[str, float]:
        """The ``baseline_*`` fields of telemetry."""
        return {f"baseline_{name}": float(value) for name, value in self.metrics["baseline"].items()}


def verify_capture(manifest_path: AnyPath) -> Manifest:
    """Check every file of a capture, including the copy of the metrics, against its manifest.

    Raises InputError naming the file and the fault.
    """
    path = as_path(manifest_path)
    manifest = parse_manifest(path)
    _read_metrics(path, manifest)
    _read_events(path, manifest)
    for index in range(len(manifest.shards)):
        _read_shard(path, manifest, index)
    _require_same_copy(path, manifest)
    return manifest


def read_capture(manifest_path: AnyPath) -> Capture:
    """Read a capture with all its agent-steps, and check it like :func:`verify_capture`, except for the copy of the
    metrics, which is not read."""
    path = as_path(manifest_path)
    manifest = parse_manifest(path)
    metrics = _read_metrics(path, manifest)
    _read_events(path, manifest)
    shards = [_read_shard(path, manifest, index) for index in range(len(manifest.shards))]
    buffer = _new_buffer(path, manifest)
    # Empty slots get one legal action, so that no reader divides by zero legal actions.
    buffer.mask[..., 0] = True
    buffer.value[:] = np.nan
    fill_buffer(buffer, pa.concat_tables(shards).unify_dictionaries(), manifest.people)
    buffer.totals = dict(manifest.totals)
    if buffer.agent_steps != manifest.rows:
        found = f"{manifest.rows - buffer.agent_steps} rows with the world, tick and agent of another"
        raise InputError.of(path, "shards", found, "one row per agent-step")
    return Capture(manifest, sha256(read_bytes(path, "a capture manifest")), metrics, buffer)


def _new_buffer(path: Path | UPath, manifest: Manifest) -> RolloutBuffer:
    shape = manifest.ticks, manifest.worlds, len(manifest.people), len(manifest.observation), len(manifest.actions)
    try:
        return RolloutBuffer(*shape, manifest.behavior.state_units)
    except (MemoryError, ValueError, OverflowError):
        found = f"{shape[0]} ticks of {shape[1]} worlds with {shape[2]} people"
        raise InputError.of(path, "ticks, worlds, people", found, "no more than memory holds") from None


def read_events(manifest_path: AnyPath) -> pa.Table:
    """Read the events table of a capture."""
    path = as_path(manifest_path)
    return _read_events(path, parse_manifest(path))


def _read_entry(manifest_path: Path | UPath, entry: FileEntry, where: str) -> bytes:
    file = manifest_path.parent / entry.file
    expected = f"the file that {where} of {manifest_path.name} names"
    content = read_sized(file, expected, entry.bytes, f", as {where}.bytes of the manifest says")
    digest = sha256(content)
    if digest != entry.sha256:
        raise InputError.of(file, "", f"SHA-256 {digest}", f"{entry.sha256}, as {where}.sha256 of the manifest says")
    return content


def _read_metrics(path: Path | UPath, manifest: Manifest) -> dict[str, Any]:
    file = path.parent / manifest.metrics.file
    expected = "the metrics of a capture"
    metrics = strict(_read_entry(path, manifest.metrics, "metrics"), file, expected)
    if not isinstance(metrics, dict):
        raise InputError.of(file, "", f"a JSON {type(metrics).__name__}", f"{expected} as a JSON object")
    baseline = metrics.get("baseline")
    if not isinstance(baseline, dict) or not all(map(is_number, baseline.values())):
        raise InputError.of(file, "baseline", "none", "the numbers of telemetry's baseline_* fields")
    return metrics


def _require_same_copy(path: Path | UPath, manifest: Manifest) -> None:
    """Raise InputError if the copy of the metrics belongs to another capture, as it may after a kill."""
    copy = path.parent / METRICS_NAME
    if copy.exists():
        digest = sha256(read_bytes(copy, "a copy of the metrics"))
        if digest != manifest.metrics.sha256:
            expected = f"{manifest.metrics.sha256}, the hash of {manifest.metrics.file}; copy that file again"
            raise InputError.of(copy, "", f"SHA-256 {digest}", expected)


def _read_shard(path: Path | UPath, manifest: Manifest, index: int) -> pa.Table:
    entry = manifest.shards[index]
    file = path.parent / entry.file
    spaces = len(manifest.observation), len(manifest.actions)
    schema = steps_schema(manifest.people, *spaces, manifest.behavior.state_units)
    table = _read_table(path, entry, f"shards.{index}", schema, entry.rows)
    require_numbers(table, *spaces, file)
    world, tick = numbers_of(table["world"]), numbers_of(table["tick"])
    last = manifest.ticks - 1
    off = (world < entry.first_world) | (world >= entry.first_world + entry.worlds) | (tick < 0) | (tick > last)
    off |= numbers_of(table["truncated"]) & (tick != last)
    if off.any():
        row = int(np.flatnonzero(off)[0])
        found = f"world {world[row]}, tick {tick[row]} in row {row}"
        raise InputError.of(file, "world, tick", found, "the worlds and ticks of the manifest")
    if len(np.unique(world)) != entry.worlds:
        raise InputError.of(file, "world", f"{len(np.unique(world))} worlds", f"{entry.worlds}, as shards.{index} says")
    unknown = set(table["agent"].combine_chunks().dictionary.to_pylist()) - set(manifest.people)
    if unknown:
        raise InputError.of(file, "agent", ", ".join(sorted(map(str, unknown))), "the people of the manifest")
    return table


def _read_events(path: Path | UPath, manifest: Manifest) -> pa.Table:
    return _read_table(path, manifest.events, "events", EVENTS_SCHEMA, manifest.events.rows)


def _read_table(path: Path | UPath, entry: FileEntry, where: str, schema: pa.Schema, rows: int) -> pa.Table:
    content = _read_entry(path, entry, where)
    file = path.parent / entry.file
    try:
        # No read-ahead and no threads: Arrow's threads may still run when an error ends the process, and abort it.
        parquet = pq.ParquetFile(pa.BufferReader(content), pre_buffer=False)
        require_schema(parquet.schema_arrow, schema, file)
        found = _rows_of(parquet.metadata, schema, file)
        if found != rows:
            raise InputError.of(file, "", f"{found} rows", f"{rows}, as {where}.rows of the manifest says")
        table = parquet.read(use_threads=False)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, OverflowError, MemoryError) as error:
        raise InputError.of(file, "", next(iter(str(error).splitlines()), repr(error)), "a Parquet table") from None
    if table.num_rows != rows:
        raise InputError.of(file, "", f"{table.num_rows} rows", f"{rows}, as {where}.rows of the manifest says")
    return table


def _rows_of(metadata: pq.FileMetaData, schema: pa.Schema, file: Path | UPath) -> int:
    """Count the rows of a table from its footer, before the table is read.

    Raises InputError if a column holds longer lists than any in the schema.
    """
    widest = max((kind.list_size for kind in schema.types if pa.types.is_fixed_size_list(kind)), default=1)
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.num_values > group.num_rows * widest:
                found = f"{column.num_values} values in {group.num_rows} rows"
                raise InputError.of(file, column.path_in_schema, found, f"at most {widest} in each")
    return int(metadata.num_rows)
