"""Reading a capture back, and believing nothing that its hashes do not confirm."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from townlet.capture.manifest import FileEntry, Manifest, parse_manifest
from townlet.capture.tables import EVENTS_SCHEMA, fill_buffer, steps_schema
from townlet.errors import InputError
from townlet.rollout import RolloutBuffer
from townlet.storage import AnyPath, as_path, read_bytes, read_json, sha256


@dataclass(frozen=True)
class Capture:
    """A recorded rollout in memory."""

    manifest: Manifest
    manifest_sha256: str
    metrics: dict[str, Any]
    buffer: RolloutBuffer

    @property
    def baseline(self) -> dict[str, float]:
        """The ``baseline_*`` telemetry fields."""
        return {f"baseline_{name}": float(value) for name, value in self.metrics["baseline"].items()}


def verify_capture(manifest_path: AnyPath) -> Manifest:
    """Check every file of a capture against its manifest. Raises InputError naming the file and what is off."""
    path = as_path(manifest_path)
    manifest = parse_manifest(path)
    _read_metrics(path, manifest)
    _read_events(path, manifest)
    for index in range(len(manifest.shards)):
        _read_shard(path, manifest, index)
    return manifest


def read_capture(manifest_path: AnyPath) -> Capture:
    """A capture with all its agent-steps, checked like :func:`verify_capture` does."""
    path = as_path(manifest_path)
    manifest = parse_manifest(path)
    metrics = _read_metrics(path, manifest)
    _read_events(path, manifest)
    shards = [_read_shard(path, manifest, index) for index in range(len(manifest.shards))]
    buffer = RolloutBuffer(
        manifest.ticks, manifest.worlds, len(manifest.people), len(manifest.observation), len(manifest.actions)
    )
    # Empty slots have one legal action, so that no reader divides by zero legal actions.
    buffer.mask[..., 0] = True
    buffer.value[:] = np.nan
    fill_buffer(buffer, pa.concat_tables(shards).unify_dictionaries(), manifest.people)
    buffer.totals = dict(manifest.totals)
    if buffer.agent_steps != manifest.rows:
        found = f"{manifest.rows - buffer.agent_steps} rows with the world, tick and agent of another"
        raise InputError.of(path, "shards", found, "one row per agent-step")
    return Capture(manifest, sha256(read_bytes(path, "a capture manifest")), metrics, buffer)


def read_events(manifest_path: AnyPath) -> pa.Table:
    """The events table of a capture."""
    path = as_path(manifest_path)
    return _read_events(path, parse_manifest(path))


def _read_entry(manifest_path: Path | UPath, entry: FileEntry, where: str) -> bytes:
    file = manifest_path.parent / entry.file
    content = read_bytes(file, f"the file that {where} of {manifest_path.name} names")
    if len(content) != entry.bytes:
        raise InputError.of(file, "", f"{len(content)} bytes", f"{entry.bytes}, as {where}.bytes of the manifest says")
    digest = sha256(content)
    if digest != entry.sha256:
        raise InputError.of(file, "", f"SHA-256 {digest}", f"{entry.sha256}, as {where}.sha256 of the manifest says")
    return content


def _read_metrics(path: Path | UPath, manifest: Manifest) -> dict[str, Any]:
    _read_entry(path, manifest.metrics, "metrics")
    file = path.parent / manifest.metrics.file
    metrics = read_json(file, "the metrics of a capture")
    baseline = metrics.get("baseline")
    if not isinstance(baseline, dict) or not all(isinstance(value, int | float) for value in baseline.values()):
        raise InputError.of(file, "baseline", "none", "the numbers that telemetry repeats")
    return metrics


def _read_shard(path: Path | UPath, manifest: Manifest, index: int) -> pa.Table:
    entry = manifest.shards[index]
    schema = steps_schema(manifest.people, len(manifest.observation), len(manifest.actions))
    table = _read_table(path, entry, f"shards.{index}", schema, entry.rows)
    world, tick = table["world"].to_numpy(), table["tick"].to_numpy()
    last = manifest.ticks - 1
    off = (world < entry.first_world) | (world >= entry.first_world + entry.worlds) | (tick < 0) | (tick > last)
    off |= table["truncated"].to_numpy() & (tick != last)
    file = path.parent / entry.file
    if off.any():
        row = int(np.flatnonzero(off)[0])
        found = f"world {world[row]}, tick {tick[row]} in row {row}"
        raise InputError.of(file, "world, tick", found, "the worlds and ticks of the manifest")
    if len(np.unique(world)) != entry.worlds:
        raise InputError.of(file, "world", f"{len(np.unique(world))} worlds", f"{entry.worlds}, as shards.{index} says")
    strangers = set(table["agent"].combine_chunks().dictionary.to_pylist()) - set(manifest.people)
    if strangers:
        raise InputError.of(file, "agent", ", ".join(sorted(strangers)), "the people of the manifest")
    return table


def _read_events(path: Path | UPath, manifest: Manifest) -> pa.Table:
    return _read_table(path, manifest.events, "events", EVENTS_SCHEMA, manifest.events.rows)


def _read_table(path: Path | UPath, entry: FileEntry, where: str, schema: pa.Schema, rows: int) -> pa.Table:
    content = _read_entry(path, entry, where)
    file = path.parent / entry.file
    try:
        # Without threads: Arrow's may still run when an error ends the process, which then aborts.
        table = pq.read_table(pa.BufferReader(content), use_threads=False)
    except pa.ArrowException as error:
        raise InputError.of(file, "", str(error).splitlines()[0], "a Parquet table") from None
    if not table.schema.equals(schema):
        # Equal list types can have different hashes, so that a difference of sets would name too many.
        kinds, expected = (dict(zip(each.names, each.types, strict=True)) for each in (table.schema, schema))
        different = sorted(name for name in {*kinds, *expected} if kinds.get(name) != expected.get(name))
        fields = different or ["the order of columns"]
        raise InputError.of(file, ", ".join(fields), "another schema", "the columns that the manifest describes")
    if table.num_rows != rows:
        raise InputError.of(file, "", f"{table.num_rows} rows", f"{rows}, as {where}.rows of the manifest says")
    return table
