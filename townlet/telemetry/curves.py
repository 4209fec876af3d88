"""The numbers of a training log as points of curves, as other tools draw them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from townlet.telemetry.record import BY_NAME


class Point(NamedTuple):
    """One number of one record: ``step`` in agent-steps, ``seconds`` of training since its start.

    Epochs that are not in the log count as long as the next one that is.
    """

    curve: str
    value: float
    step: int
    seconds: float


def points_of(records: Iterable[Mapping[str, Any]]) -> Iterator[Point]:
    """Every number of valid records, record by record.

    A curve is called ``metric/…``, ``count/…`` or ``clock/…`` after its field and the field's role, and ``extra/…``
    where the log has fields of its own.
    """
    seconds, epoch = 0.0, 0
    for record in records:
        seconds += float(record.get("epoch_duration_sec", 0.0)) * (record["epoch"] - epoch)
        epoch = record["epoch"]
        for name, value in record.items():
            if isinstance(value, int | float) and name != "telemetry_version":
                role = BY_NAME[name].role if name in BY_NAME else "extra"
                yield Point(f"{role}/{name}", value, int(record["steps"]), seconds)
