"""Reader of a growing log that returns every line once, despite rotation, truncation and replacement."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from townlet.telemetry.reader import Line, LogFault, close_all, identity, open_parts, parse_line, part_paths


class _Raw(NamedTuple):
    file: str
    number: int
    end: int
    text: bytes


class Follower:
    """A reader that returns the new complete lines of a log at each :meth:`poll`; the log need not exist yet.

    As long as the newest file only grows, only its new bytes are read. After a rotation, a truncation by a resumed
    training or a replacement, the whole log is read again, and the leading lines that were already returned are left
    out. The follower remembers one hash per line.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._file: BinaryIO | None = None
        self._given: list[int] = []
        self._last = _Raw("", 0, 0, b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def poll(self) -> list[Line]:
        """Return the lines completed since the last call, in order."""
        new = self._read_on() if self._only_grew() else self._read_again()
        return [_parsed(raw) for raw in new if raw.text.strip()]

    def _only_grew(self) -> bool:
        parts = part_paths(self._path)
        if self._file is None or not parts:
            return False
        try:
            newest = identity(parts[-1].stat())
        except FileNotFoundError:
            return False
        descriptor = self._file.fileno()
        if identity(os.fstat(descriptor)) != newest:
            return False
        last = self._last.text + b"\n"
        return self._last.end == 0 or os.pread(descriptor, len(last), self._last.end - len(last)) == last

    def _read_on(self) -> list[_Raw]:
        assert self._file is not None
        self._file.seek(self._last.end)
        new = _whole_lines(self._file, self._last)
        self._given.extend(hash(raw.text) for raw in new)
        self._last = new[-1] if new else self._last
        return new

    def _read_again(self) -> list[_Raw]:
        files = open_parts(self._path)
        if not files:
            return []
        parts = [_whole_lines(file, _Raw(file.name, 0, 0, b"")) for file in files]
        close_all([*files[:-1], *([self._file] if self._file else [])])
        lines = [raw for part in parts for raw in part]
        before, self._given = self._given, [hash(raw.text) for raw in lines]
        same = 0
        while same < min(len(before), len(lines)) and before[same] == self._given[same]:
            same += 1
        self._file = files[-1]
        self._last = parts[-1][-1] if parts[-1] else _Raw(files[-1].name, 0, 0, b"")
        return lines[same:]


def follow(path: str | Path, interval: float) -> Iterator[Line]:
    """Yield every line of a log, then each new one without end, reading every ``interval`` seconds."""
    with Follower(path) as follower:
        while True:
            yield from follower.poll()
            time.sleep(interval)


def _whole_lines(file: BinaryIO, after: _Raw) -> list[_Raw]:
    """The terminated lines from a file's position on, numbered from the line ``after`` which they come."""
    lines: list[_Raw] = []
    end = after.end
    for number, text in enumerate(file.read().split(b"\n")[:-1], after.number + 1):
        end += len(text) + 1
        lines.append(_Raw(after.file, number, end, text))
    return lines


def _parsed(raw: _Raw) -> Line:
    record, faults = parse_line(raw.text)
    located = tuple(LogFault(raw.file, raw.number, f.field, f.found, f.expected) for f in faults)
    return Line(raw.file, raw.number, raw.end, record, located)
