"""Truncation of a log after the line at which a checkpoint was made."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from townlet.errors import InputError
from townlet.files.outputs import sync_folder
from townlet.telemetry.reader import Line, read_log
from townlet.telemetry.record import CLOCK_FIELDS


class Kept(NamedTuple):
    """The last line that a truncation keeps, and counts of lines and updates around it."""

    record: dict[str, Any]
    entries: int
    """Lines kept in its file."""
    updates_removed: int


def truncate_after(path: Path, offset: int, record_sha256: str) -> Kept:
    """Truncate a log after the line with this offset and SHA-256; an empty ``record_sha256`` matches any record.

    Newer files are removed first, so that a kill in between leaves a log that is whole up to some later line.

    Raises InputError, and removes nothing, if the log has no such line or holds another record there.
    """
    log = read_log(path)
    index, record = find_line(log.lines, path, offset, record_sha256)
    line = log.lines[index]
    last = Path(line.file)
    place = log.parts.index(last)
    for part in reversed(log.parts[place + 1 :]):
        part.unlink()
        sync_folder(path.parent)
    with last.open("r+b") as file:
        file.truncate(line.end)
        file.seek(line.end - 1)
        if file.read(1) != b"\n":
            file.write(b"\n")
        file.flush()
        os.fsync(file.fileno())
    for number, part in enumerate(reversed(log.parts[: place + 1])):
        part.rename(path.with_name(f"{path.name}.{number}") if number else path)
    sync_folder(path.parent)
    removed = sum(int((later.record or {}).get("updates", 0)) for later in log.lines[index + 1 :])
    return Kept(record, sum(one.file == line.file for one in log.lines[: index + 1]), removed)


def find_line(lines: tuple[Line, ...], path: Path, offset: int, record_sha256: str) -> tuple[int, dict[str, Any]]:
    """Return the index and record of the line with this offset and SHA-256; an empty ``record_sha256`` matches any.

    Raises InputError if there is no such line, or if its record is another.
    """
    index, record = _line_at(lines, path, offset)
    if record_sha256 not in ("", record_digest(record)):
        expected = "the record that this training wrote before its checkpoint"
        raise InputError.of(lines[index].file, f"line {lines[index].number}", "a record of another training", expected)
    return index, record


def record_digest(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a record without clock fields, which equal trainings share."""
    content = {name: value for name, value in record.items() if name not in CLOCK_FIELDS}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _line_at(lines: tuple[Line, ...], path: Path, offset: int) -> tuple[int, dict[str, Any]]:
    """The index and record of the line with this offset."""
    reached = 0
    for index, line in enumerate(lines):
        if line.record is None:
            raise InputError([fault.as_fault() for fault in line.faults])
        reached = line.record.get("log_stream_offset", reached + 1)
        if reached == offset:
            return index, line.record
    expected = f"line {offset}, the last one before the checkpoint"
    raise InputError.of(path, "", f"a log that ends at line {reached}", expected)
