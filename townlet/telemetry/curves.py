"""Curves of a training log's numbers, for other tools to draw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from townlet.telemetry.record import BY_NAME


class Point(NamedTuple):
    """One number of one record; ``step`` is in agent-steps, ``seconds`` is training time since the start.

    An epoch that was not logged is assumed to have taken as long as the next logged one.
    """

    curve: str
    value: float
    step: int
    seconds: float


def points_of(records: Iterable[Mapping[str, Any]]) -> Iterator[Point]:
    """Yield every number of valid records, record by record.

    A curve is named ``metric/…``, ``count/…`` or ``clock/…``, by its field's role and name, or ``extra/…`` for fields
    outside the schema.
    """
    seconds, epoch = 0.0, 0
    for record in records:
        seconds += float(record.get("epoch_duration_sec", 0.0)) * (record["epoch"] - epoch)
        epoch = record["epoch"]
        for name, value in record.items():
            if isinstance(value, int | float) and name != "telemetry_version":
                role = BY_NAME[name].role if name in BY_NAME else "extra"
                yield Point(f"{role}/{name}", value, int(record["steps"]), seconds)
