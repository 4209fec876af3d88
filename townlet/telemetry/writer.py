"""Writer of telemetry logs, which stay whole when a process is killed, resumed, or read at the same time."""

from __future__ import annotations

import json
import numbers
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from townlet.errors import InputError, RunError
from townlet.files.outputs import append_line, file_place, make_folder, open_stream, sync_folder, write_all
from townlet.telemetry.checks import record_faults
from townlet.telemetry.reader import part_paths, read_log
from townlet.telemetry.record import BY_NAME, FIELDS, VERSIONS, required_fields
from townlet.telemetry.truncation import find_line, record_digest, truncate_after

_STREAM = "a pipe or a device"
_NAMES = tuple(field.name for field in FIELDS)
_WHOLE = frozenset(field.name for field in FIELDS if field.kind == "int")


class TelemetryWriter:
    """A writer that appends one record per epoch to a JSONL log.

    Each line is one ``write`` to a file opened for appending. ``frequency`` N writes only the epochs 1, 1 + N, 1 + 2N,
    …, however often the training is interrupted. ``max_entries`` N moves a log of N lines to ``.1`` (and ``.1`` to
    ``.2``, and so on) before the next line is written.

    The first record replaces the log of an earlier run, with its rotated parts. A symbolic link stays, and the log it
    leads to is written. A pipe or a device, such as ``/dev/stdout``, is written to as it is; it can be neither rotated
    nor resumed. Not thread-safe; use one writer per log.

    Raises :class:`InputError` if no log can stand at ``path``, or if another file does.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        version: float = 1.1,
        frequency: int = 1,
        max_entries: int | None = None,
    ) -> None:
        if version not in VERSIONS:
            raise ValueError(f"version: found {version}, expected 1.0 or 1.1")
        if frequency < 1 or (max_entries is not None and max_entries < 1):
            raise ValueError("frequency and max_entries: expected at least 1")
        self.path = Path(path)
        self._place = file_place(self.path)
        self._require_usable(max_entries)
        self.version = float(version)
        self.frequency = frequency
        self.max_entries = max_entries
        self._left_out = {field.name for field in FIELDS if (field.since or 0.0) > version}
        self._offset = 0
        self._entries = 0
        self._file: int | None = None
        self._last: dict[str, Any] = {"epoch": 0, "steps": 0}
        self._written: dict[str, Any] = {}
        #: Optimizer steps in the epochs whose lines :meth:`resume` removed.
        self.updates_removed = 0

    @classmethod
    def resume(
        cls,
        path: str | Path,
        *,
        offset: int,
        record_sha256: str = "",
        version: float = 1.1,
        frequency: int = 1,
        max_entries: int | None = None,
    ) -> Self:
        """Make a writer that continues after line ``offset``, and remove all later lines, torn ones included.

        Args:
            path: the log.
            offset: :attr:`offset` at the checkpoint. Lines of schema 1.0 have no number and are counted.
            record_sha256: :attr:`record_sha256` at the checkpoint; if empty, the record is not compared.
            version: as for a new writer.
            frequency: as for a new writer.
            max_entries: as for a new writer.

        Raises :class:`InputError`, and removes nothing, if the log ends before that line or holds another record there.
        """
        writer = cls(path, version=version, frequency=frequency, max_entries=max_entries)
        if writer._place.is_stream:
            raise InputError.of(path, "", _STREAM, "a file, which can be read back")
        if offset > 0:
            kept = truncate_after(writer._place.path, offset, record_sha256)
            writer._last = {"epoch": 0, "steps": 0, **kept.record}
            writer._written = kept.record
            writer._offset, writer._entries = offset, kept.entries
            writer.updates_removed = kept.updates_removed
            writer._file = os.open(writer._place.path, os.O_WRONLY | os.O_APPEND)
        return writer

    @property
    def offset(self) -> int:
        """Number of lines in all parts of the log: the last ``log_stream_offset``, which a checkpoint keeps."""
        return self._offset

    @property
    def record_sha256(self) -> str:
        """SHA-256 of the last record without clock fields, which only equal trainings share; empty before the first."""
        return record_digest(self._written) if self._written else ""

    def write(self, fields: Mapping[str, Any]) -> bool:
        """Append a record, unless ``frequency`` skips its epoch; return whether it was written.

        ``telemetry_version`` and ``log_stream_offset`` are added. NumPy scalars are accepted as numbers. Under schema
        1.0 the fields that 1.1 added are left out.

        Raises :class:`ValueError`, which names every field at fault, and writes nothing, if the record is not valid or
        does not follow the last one.
        """
        record = self._record(fields)
        self._check(record)
        self._last = {name: record[name] for name in ("epoch", "steps")}
        if (record["epoch"] - 1) % self.frequency:
            return False
        self._make_room()
        self._append(json.dumps(record, allow_nan=False, ensure_ascii=False).encode() + b"\n")
        self._written = record
        self._offset += 1
        self._entries += 1
        return True

    def sync(self) -> None:
        """Flush the log to the device; call this before publishing a checkpoint with :attr:`offset`."""
        if self._file is not None and not self._place.is_stream:
            os.fsync(self._file)

    def close(self) -> None:
        """Close the log."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _record(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The record in order of declaration, followed by extra fields in order of name."""
        values = {name: _plain(name, value) for name, value in fields.items() if name not in self._left_out}
        values["telemetry_version"] = self.version
        if any(field.name == "log_stream_offset" for field in required_fields(self.version)):
            values["log_stream_offset"] = self._offset + 1
        order = [name for name in _NAMES if name in values]
        return {name: values[name] for name in [*order, *sorted(values.keys() - BY_NAME.keys())]}

    def _check(self, record: dict[str, Any]) -> None:
        faults = [f"{fault.field}: found {fault.found}, expected {fault.expected}" for fault in record_faults(record)]
        if not faults and record["epoch"] <= self._last["epoch"]:
            faults.append(f"epoch: found {record['epoch']}, expected more than {self._last['epoch']}")
        if not faults and record["steps"] < self._last["steps"]:
            faults.append(f"steps: found {record['steps']}, expected at least {self._last['steps']}")
        if faults:
            raise ValueError("not a telemetry record: " + "; ".join(faults))

    def _require_usable(self, max_entries: int | None) -> None:
        if not self._place.is_stream:
            _require_replaceable(self._place.path)
        elif max_entries is not None:
            raise InputError.of(self.path, "", _STREAM, "a file, or a log without rotation")

    def _make_room(self) -> None:
        path = self._place.path
        if self._file is None and self._offset == 0:
            if self._place.is_stream:
                self._file = open_stream(path)
                return
            make_folder(path.parent)
            for part in part_paths(path):
                part.unlink()
            self._open_new()
        elif self._file is not None and self.max_entries is not None and self._entries >= self.max_entries:
            self.close()
            _rotate(path)
            self._open_new()

    def _open_new(self) -> None:
        path = self._place.path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
        sync_folder(path.parent)
        self._entries = 0

    def _append(self, line: bytes) -> None:
        if self._file is None:
            raise ValueError(f"{self.path}: the log is closed")
        if not self._place.is_stream:
            append_line(self._file, line, self.path)
            return
        try:
            write_all(self._file, line, self.path)
        except BrokenPipeError:
            # A command whose printed output has no reader may end quietly, but a training without its log has failed.
            raise RunError(f"{self.path}: nobody reads the log any more") from None


def _plain(name: str, value: Any) -> Any:
    """A number of any library as Python's int or float, by its field's declared type."""
    # Most values are of the declared type already; asking for an abstract one takes longer than all else here.
    if type(value) is (int if name in _WHOLE else float):
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return value
    whole = isinstance(value, numbers.Integral)
    number = int(value) if isinstance(value, numbers.Integral) else float(value)
    if name in BY_NAME:
        whole = BY_NAME[name].kind == "int" and number == number // 1
    return int(number) if whole else float(number)


def _rotate(path: Path) -> None:
    """Rename every part to its next number, the oldest first."""
    for part in part_paths(path):
        number = 0 if part == path else int(part.name.removeprefix(f"{path.name}."))
        part.rename(path.with_name(f"{path.name}.{number + 1}"))


def require_log(path: Path, *, offset: int, record_sha256: str) -> None:
    """Raise InputError unless the log exists and holds, at line ``offset``, the record with this SHA-256."""
    find_line(read_log(path).lines, path, offset, record_sha256)


def _require_replaceable(path: Path) -> None:
    """Raise InputError if a file other than a training log stands at the path, since it must not be replaced."""
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        start = file.read(64)
    if not start.startswith(b'{"telemetry_version"'):
        expected = "a training log to replace, or a path where there is nothing yet"
        raise InputError.of(path, "line 1", "something other than a telemetry record", expected)
