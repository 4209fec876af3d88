"""Reader of telemetry logs, rotated parts included, that reports faults line by line."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from townlet.errors import Fault, InputError
from townlet.files.file_kinds import kind_of_file
from townlet.files.strict_json import is_utf8, parse
from townlet.telemetry.checks import FieldFault
from townlet.text.terminal import printable

_EXPECTED = "a telemetry log (JSONL)"


@dataclass(frozen=True, slots=True)
class LogFault:
    """A fault at one place of a log; ``field`` is empty if the whole line is at fault."""

    file: str
    line: int
    field: str
    found: str
    expected: str

    def as_fault(self) -> Fault:
        """Return it as a fault of an input."""
        place = f"line {self.line}: {self.field}" if self.field else f"line {self.line}"
        return Fault(self.file, place, self.found, self.expected)

    def __str__(self) -> str:
        return str(self.as_fault())


@dataclass(frozen=True, slots=True)
class Line:
    """A complete line; ``end`` is the byte offset of its end in its file, and ``number`` counts from 1.

    ``record`` is ``None`` if the line is not a JSON object. It may hold NaN and infinities, so that checks can name
    their field.
    """

    file: str
    number: int
    end: int
    record: dict[str, Any] | None
    faults: tuple[LogFault, ...]


@dataclass(frozen=True, slots=True)
class TornLine:
    """An incomplete last line, left by a killed writer; ``size`` is in bytes."""

    file: str
    line: int
    size: int

    def __str__(self) -> str:
        return f"{self.file}: line {self.line}: torn: {self.size} bytes of an unfinished record, left out"


@dataclass(frozen=True, slots=True)
class TelemetryLog:
    """A log's content: its parts from the oldest to the newest, their lines, and a torn last line."""

    path: Path
    parts: tuple[Path, ...]
    lines: tuple[Line, ...]
    torn: TornLine | None


def part_paths(path: Path) -> list[Path]:
    """Return the files of a log from the oldest to the newest: ``log.2``, ``log.1``, ``log``; possibly none.

    A symbolic link stands for the log it leads to.
    """
    if path.is_symlink() and path.resolve().is_file():
        path = path.resolve()
    pattern = re.compile(re.escape(path.name) + r"\.([1-9][0-9]*)")
    numbered: list[tuple[int, Path]] = []
    if path.parent.is_dir():
        for name in os.listdir(path.parent):  # noqa: PTH208 (names are enough, and a poll does this often)
            if match := pattern.fullmatch(name):
                numbered.append((int(match[1]), path.with_name(name)))
    older = [part for _, part in sorted(numbered, reverse=True)]
    return [*older, path] if path.exists() else older


def open_parts(path: Path) -> list[BinaryIO]:
    """Open the files of a log as they are at one moment, even if a writer rotates them meanwhile.

    The caller closes them. Raises InputError if one cannot be read.
    """
    while True:
        files: list[BinaryIO] = []
        try:
            files.extend(_open(part, given=part == path) for part in part_paths(path))
            if [identity(os.fstat(file.fileno())) for file in files] == [
                identity(part.stat()) for part in part_paths(path)
            ]:
                return files
        except FileNotFoundError:
            pass
        except OSError as error:
            close_all(files)
            raise InputError.of(error.filename or path, "", error.strerror or str(error), _EXPECTED) from None
        except InputError:
            close_all(files)
            raise
        close_all(files)


def _open(part: Path, *, given: bool) -> BinaryIO:
    """Open one file of a log. The ``given`` one may also be a pipe or a terminal, such as ``/dev/stdin``; other devices
    may never end."""
    mode = part.stat().st_mode
    if not (stat.S_ISREG(mode) or (given and (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)))):
        raise InputError.of(part, "", kind_of_file(mode), _EXPECTED)
    file = part.open("rb", buffering=0)
    if stat.S_ISCHR(mode) and not file.isatty():
        file.close()
        raise InputError.of(part, "", kind_of_file(mode), _EXPECTED)
    return file


def identity(status: os.stat_result) -> tuple[int, int]:
    """Return what identifies a file under any name: device and inode."""
    return status.st_dev, status.st_ino


def close_all(files: Iterable[BinaryIO]) -> None:
    """Close files."""
    for file in files:
        file.close()


def read_log(path: str | Path) -> TelemetryLog:
    """Read a log with its rotated parts.

    Raises :class:`InputError` if the log does not exist, holds no JSON object, or is not text.
    """
    path = Path(path)
    files = open_parts(path)
    try:
        contents = [(Path(file.name), file.read()) for file in files]
    except OSError as error:
        raise InputError.of(path, "", error.strerror or str(error), _EXPECTED) from None
    except MemoryError:
        raise InputError.of(path, "", "more bytes than there is memory", _EXPECTED) from None
    finally:
        close_all(files)
    if not contents:
        raise InputError.of(path, "", "no such file", _EXPECTED)
    lines: list[Line] = []
    torn: TornLine | None = None
    for number, (part, data) in enumerate(contents, 1):
        found, torn = _split(part, data, last=number == len(contents))
        lines.extend(found)
    if not any(line.record is not None for line in lines):
        raise _nothing_usable(path, lines, torn)
    return TelemetryLog(path, tuple(part for part, _ in contents), tuple(lines), torn)


def parse_line(raw: bytes) -> tuple[dict[str, Any] | None, list[FieldFault]]:
    """Parse a line as a JSON object; return it with its faults. NaN and infinities are kept as floats."""
    expected = "a JSON object"
    try:
        value, repeated = parse(raw)
    except UnicodeDecodeError as error:
        return None, [FieldFault("", f"a byte at column {error.start + 1} that is not UTF-8", expected)]
    except json.JSONDecodeError as error:
        return None, [FieldFault("", f"no JSON ({error.msg} at column {error.colno})", expected)]
    except ValueError as error:
        return None, [FieldFault("", f"no readable JSON ({error})", expected)]
    if not isinstance(value, dict):
        return None, [FieldFault("", f"a JSON {type(value).__name__}", expected)]
    return value, [FieldFault(printable(name), "the field more than once", "it once") for name in repeated]


def _split(part: Path, data: bytes, last: bool) -> tuple[list[Line], TornLine | None]:
    """The lines of one file. A last line without a line feed is torn, unless it is complete anyway."""
    lines: list[Line] = []
    end = 0
    for number, raw in enumerate(data.split(b"\n"), 1):
        end = min(end + len(raw) + 1, len(data))
        if not raw.strip():
            continue
        unfinished = data[-1:] != b"\n" and end == len(data)
        if b"\0" in raw and not unfinished:
            raise InputError.of(part, f"line {number}", "binary data", _EXPECTED)
        record, faults = parse_line(raw)
        if record is None and unfinished and last and (lines or raw.lstrip().startswith(b"{")):
            return lines, TornLine(str(part), number, len(raw))
        if record is None and not is_utf8(raw):
            raise InputError.of(part, f"line {number}", faults[0].found, _EXPECTED)
        located = tuple(LogFault(str(part), number, **asdict(fault)) for fault in faults)
        lines.append(Line(str(part), number, end, record, located))
    return lines, None


def _nothing_usable(path: Path, lines: Sequence[Line], torn: TornLine | None) -> InputError:
    if lines:
        return InputError([lines[0].faults[0].as_fault()])
    if torn:
        return InputError.of(torn.file, f"line {torn.line}", "only an unfinished record", "at least one whole record")
    return InputError.of(path, "", "an empty file", _EXPECTED)
