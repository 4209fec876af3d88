"""Comparison of a log's last record with reference values (``--baseline``), metric by metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.files.strict_json import is_number
from townlet.telemetry.reader import read_log
from townlet.telemetry.record import BY_NAME
from townlet.telemetry.validator import read_records

#: Objects of a reference file that hold metrics one level down.
_CONTAINERS = ("metrics", "total", "totals")


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric's value and its reference."""

    metric: str
    """Its name among the reference values."""
    field: str
    """Its name in the record."""
    value: float
    reference: float

    @property
    def absolute(self) -> float:
        """The value minus the reference."""
        return self.value - self.reference

    @property
    def relative(self) -> float | None:
        """The absolute difference as a share of the reference's magnitude; ``None`` if only the reference is 0."""
        if self.reference == 0:
            return 0.0 if self.value == 0 else None
        return self.absolute / abs(self.reference)

    def exceeds(self, threshold: float, relative: bool) -> bool:
        """Tell whether the difference exceeds a threshold in magnitude; an undefined one always does."""
        difference = self.relative if relative else self.absolute
        return difference is None or abs(difference) > threshold

    def as_json(self) -> dict[str, Any]:
        """Return everything as a JSON object."""
        return {
            "metric": self.metric,
            "field": self.field,
            "value": self.value,
            "reference": self.reference,
            "absolute": self.absolute,
            "relative": self.relative,
        }

    def __str__(self) -> str:
        relative = self.relative
        share = "from 0" if relative is None else f"{relative:+.2%}"
        return f"{self.metric}: {self.value:.6g} against {self.reference:.6g}: {self.absolute:+.6g} ({share})"


def load_baseline(path: str | Path) -> dict[str, float]:
    """Read reference values by metric name.

    A JSON file gives its numbers, the ``mean`` of every object that has one (a distribution over seeds), and the same
    one level down under ``metrics``, ``total`` or ``totals``. A telemetry log gives the metrics of its last record.

    Raises :class:`InputError` for anything else.
    """
    path = Path(path)
    if _is_log(path):
        last = read_records(path)[-1]
        return {name: float(value) for name, value in last.items() if _is_metric(name) and is_number(value)}
    from townlet.files.storage import read_json

    content = read_json(path, "a baseline: metric names with numbers")
    found = _numbers(content, path)
    for name in _CONTAINERS:
        if isinstance(content.get(name), dict):
            found = {**_numbers(content[name], path), **found}
    if not found:
        raise InputError.of(path, "", "no number", "a baseline: metric names with numbers")
    return found


def differences(record: Mapping[str, Any], baseline: Mapping[str, float], source: str) -> list[Difference]:
    """Compare every metric that the record and the reference values share, in order of name.

    A metric ``m`` is compared with the record's ``m``, or with its ``baseline_m`` if it has no ``m``.

    Raises :class:`InputError` naming ``source`` if they share none, since nothing would be checked.
    """
    compared = []
    for metric in sorted(baseline):
        field = metric if metric in record else f"baseline_{metric}"
        if is_number(record.get(field)):
            compared.append(Difference(metric, field, float(record[field]), baseline[metric]))
    if not compared:
        names = ", ".join(sorted(baseline)[:8])
        raise InputError.of(source, "", f"the metrics {names}", "at least one that the log has")
    return compared


def _is_log(path: Path) -> bool:
    """Tell whether a file is a telemetry log: its first line is an object with a telemetry version."""
    try:
        first = read_log(path).lines[0].record
    except InputError:
        return False
    return first is not None and "telemetry_version" in first


def _is_metric(name: str) -> bool:
    field = BY_NAME.get(name)
    return field is None or field.role == "metric"


def _numbers(content: Mapping[str, Any], path: Path) -> dict[str, float]:
    values = {name: v.get("mean") if isinstance(v, dict) else v for name, v in content.items()}
    for name, value in values.items():
        if isinstance(value, float) and not is_number(value):
            raise InputError.of(path, name, str(value), "a finite number")
    return {name: float(value) for name, value in values.items() if value is not None and is_number(value)}
