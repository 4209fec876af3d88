"""Broken bounds: which of a scenario's bounds a soak broke, in which cycles, and how far."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.files.strict_json import is_number
from townlet.metrics import METRICS
from townlet.soak.learned_change import LEARNING_METRICS
from townlet.telemetry.epoch_alerts import SIGNALS
from townlet.telemetry.formatting import number
from townlet.telemetry.record import BY_NAME

#: What the bound of a signal is for, by the signal's name.
_SIGNALS = {signal.name: signal for signal in SIGNALS}
_METRIC_OF = {field: METRICS[name] for name, field in LEARNING_METRICS.items()}


@dataclass(frozen=True, slots=True)
class BrokenBound:
    """A bound of the scenario, and the cycles in which an epoch lay beyond it."""

    signal: str
    field: str
    """The field of the training log that the bound is for."""
    bound: float | None
    """None where a value is missing or not finite, which breaks no number."""
    cycles: tuple[int, ...]
    """The cycles that broke it, counted from 1."""
    of: int
    """All cycles of the soak."""
    first: str
    """The first value beyond the bound, as the log has it."""

    @property
    def label(self) -> str:
        """What a sentence calls the field."""
        return _METRIC_OF[self.field].label if self.field in _METRIC_OF else self.field.replace("_", " ")

    @property
    def unit(self) -> str:
        """The field's unit; empty if it has none."""
        return _METRIC_OF[self.field].unit if self.field in _METRIC_OF else getattr(BY_NAME.get(self.field), "unit", "")

    @property
    def sentence(self) -> str:
        """What happened, in a sentence without its full stop."""
        subject, when = self.label[:1].upper() + self.label[1:], f"in {len(self.cycles)} of {self.of} cycles"
        where = f"first in cycle {self.cycles[0]} ({_shortened(self.first)})"
        if self.bound is None:
            return f"{subject} had no usable value {when}, {where}"
        crossed = "fell below" if self._lower else "rose above"
        return f"{subject} {crossed} the scenario's bound of {self.bound:g} {when}, {where}"

    @property
    def _lower(self) -> bool:
        return self.signal in _SIGNALS and _SIGNALS[self.signal].side == "min"

    def worst(self, records: Sequence[Mapping[str, Any]], last_epochs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The field's value nearest to the bound, or farthest beyond it, in each cycle: float64 [C], NaN without one.

        Args:
            records: the records of the training log, in order.
            last_epochs: float64 [C], the number of each cycle's last epoch.
        """
        magnitude = self.signal in _SIGNALS and _SIGNALS[self.signal].magnitude
        values: list[list[float]] = [[] for _ in last_epochs]
        for record in records:
            value, cycle = record.get(self.field), int(np.searchsorted(last_epochs, record["epoch"]))
            if cycle < len(values) and value is not None and is_number(value):
                values[cycle].append(abs(float(value)) if magnitude else float(value))
        worst = min if self._lower else max
        return np.array([worst(own) if own else np.nan for own in values])


def bounds_broken(alerts: Iterable[Sequence[Mapping[str, Any]]]) -> list[BrokenBound]:
    """The bounds that were broken, in the order in which they first were, from the alerts of every cycle."""
    alerts = list(alerts)
    first: dict[str, Mapping[str, Any]] = {}
    cycles: dict[str, dict[int, None]] = {}
    for cycle, found in enumerate(alerts, start=1):
        for alert in found:
            first.setdefault(alert["signal"], alert)
            cycles.setdefault(alert["signal"], {})[cycle] = None
    return [
        BrokenBound(
            signal, alert["field"], _bound(alert["expected"]), tuple(cycles[signal]), len(alerts), alert["found"]
        )
        for signal, alert in first.items()
    ]


def _bound(expected: str) -> float | None:
    """The number in what an alert expected, such as ``at least 0.1``."""
    found = re.match(r"at (?:most|least) (\S+)", expected)
    return float(found[1]) if found else None


def _shortened(found: str) -> str:
    """A value as the log has it; a number with four significant digits."""
    try:
        return number(float(found))
    except ValueError:
        return found
