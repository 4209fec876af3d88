"""Validation of telemetry logs: every record by itself, and their sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.files.strict_json import is_number
from townlet.telemetry.checks import quoted, record_faults
from townlet.telemetry.reader import Line, LogFault, TornLine, read_log
from townlet.telemetry.record import BY_NAME
from townlet.text.terminal import printable


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Result of a validation: faults in order of line, a torn last line, and the JSON records."""

    path: str
    faults: tuple[LogFault, ...]
    torn: TornLine | None
    records: tuple[dict[str, Any], ...]

    @property
    def valid(self) -> bool:
        """Whether there is no fault; a torn last line is not a fault."""
        return not self.faults

    def as_json(self) -> dict[str, Any]:
        """Return the findings, without the records, as a JSON object."""
        return {
            "log": self.path,
            "valid": self.valid,
            "records": len(self.records),
            "faults": [asdict(fault) for fault in self.faults],
            "torn": asdict(self.torn) if self.torn else None,
        }


def validate_log(path: str | Path) -> ValidationResult:
    """Check a log, rotated parts included, against the schema that its records name.

    Every record must be valid by itself. From line to line, ``log_stream_offset`` and ``epoch`` must increase,
    ``steps`` must not decrease, and an extra field must stay a number or stay a string.

    Raises :class:`InputError` if there is no log to check.
    """
    log = read_log(path)
    sequence = _Sequence()
    faults: list[LogFault] = []
    for line in log.lines:
        faults.extend(line.faults)
        if line.record is not None:
            own = (LogFault(line.file, line.number, **asdict(fault)) for fault in record_faults(line.record))
            faults.extend(own)
            faults.extend(sequence.faults(line, line.record))
    records = tuple(line.record for line in log.lines if line.record is not None)
    return ValidationResult(str(path), tuple(faults), log.torn, records)


def read_records(path: str | Path) -> list[dict[str, Any]]:
    """Read the records of a valid log. Raises :class:`InputError` with every fault if it is not valid."""
    result = validate_log(path)
    if result.faults:
        raise InputError(fault.as_fault() for fault in result.faults)
    return list(result.records)


@dataclass
class _Sequence:
    """What the lines so far require of the next one."""

    last: dict[str, tuple[float, Line]] = field(default_factory=dict)
    kinds: dict[str, type] = field(default_factory=dict)

    def faults(self, line: Line, record: dict[str, Any]) -> Iterator[LogFault]:
        for name in ("log_stream_offset", "epoch", "steps"):
            value = record.get(name)
            if is_number(value) and value is not None:
                yield from self._order(line, name, value)
        for name, value in record.items():
            kind = str if isinstance(value, str) else float
            if name not in BY_NAME and self.kinds.setdefault(name, kind) is not kind:
                noun = {str: "a string", float: "a number"}[self.kinds[name]]
                yield LogFault(line.file, line.number, printable(name), quoted(value), f"{noun}, as in lines before")

    def _order(self, line: Line, name: str, value: float) -> Iterator[LogFault]:
        before, at = self.last.get(name, (value, None))
        strict = name != "steps"
        if at is not None and (value < before or (strict and value == before)):
            where = f"line {at.number}" if at.file == line.file else f"line {at.number} of {at.file}"
            expected = f"{'more than' if strict else 'at least'} {quoted(before)}, as in {where}"
            yield LogFault(line.file, line.number, name, quoted(value), expected)
        self.last[name] = (value, line)
