"""Curves of a training log's numbers, for other tools to draw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY, METRICS, SHOWERS_AND_SLEEPS
from townlet.telemetry.rates import completed_showers_and_sleeps, completed_uses, conflict_intensity
from townlet.telemetry.record import BY_NAME, CLOCK_FIELDS

#: Registered metrics that are computed from a record: the record's field without which there is none, and how.
_REGISTERED = {
    CONFLICT_INTENSITY: ("queue_conflict_intensity_sum", conflict_intensity),
    COMPLETED_USES: ("use_complete_events", completed_uses),
    SHOWERS_AND_SLEEPS: ("shower_complete_events", completed_showers_and_sleeps),
}


class Point(NamedTuple):
    """One number of one record; ``step`` is in agent-steps, ``seconds`` is training time since the start.

    An epoch that was not logged is assumed to have taken as long as the next logged one.
    """

    curve: str
    value: float
    step: int
    seconds: float


class CurveReader:
    """A reader of the points of a log's records, which it must be given in order."""

    def __init__(self) -> None:
        self._seconds, self._epoch = 0.0, 0

    def points(self, record: Mapping[str, Any]) -> list[Point]:
        """Return every number of the next record, and the registered metrics that follow from it.

        A curve is named ``metric/…``, ``count/…`` or ``clock/…``, by its field's role and name; ``extra/…`` for fields
        outside the schema; and ``town/…`` for a metric of :mod:`townlet.metrics` that is computed from the record.
        """
        self._seconds += float(record.get("epoch_duration_sec", 0.0)) * (record["epoch"] - self._epoch)
        self._epoch, step = record["epoch"], int(record["steps"])
        found = [
            Point(f"{BY_NAME[name].role if name in BY_NAME else 'extra'}/{name}", value, step, self._seconds)
            for name, value in record.items()
            if isinstance(value, int | float) and name != "telemetry_version"
        ]
        for name, (field, computed) in _REGISTERED.items():
            if field in record:
                found.append(Point(f"town/{name}", computed(record), step, self._seconds))
        return found


def points_of(records: Iterable[Mapping[str, Any]]) -> Iterator[Point]:
    """Yield the points of valid records, record by record; see :meth:`CurveReader.points`."""
    reader = CurveReader()
    for record in records:
        yield from reader.points(record)


def depends_on_clock(curve: str) -> bool:
    """Whether a curve differs between otherwise identical trainings."""
    return curve.partition("/")[2] in CLOCK_FIELDS


def description_of(curve: str) -> str:
    """Return the unit and the meaning of a curve; empty for one outside the schema and the registry."""
    role, _, name = curve.partition("/")
    if role == "town" and name in METRICS:
        return f"{METRICS[name].heading}: {METRICS[name].meaning}"
    if name not in BY_NAME:
        return ""
    field = BY_NAME[name]
    return f"{field.meaning} ({field.unit})" if field.unit else field.meaning
