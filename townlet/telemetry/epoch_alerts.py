"""Alerts of an epoch: signals beyond their bounds, and values that cannot be compared with a bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from townlet.files.strict_json import is_number
from townlet.telemetry.checks import quoted
from townlet.telemetry.environments import RETURN_FIELD
from townlet.telemetry.reader import Line
from townlet.text.terminal import printable

if TYPE_CHECKING:
    from townlet.config.telemetry import WatchThresholds


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal that may have a bound."""

    name: str
    field: str
    side: Literal["max", "min"]
    """Whether the bound is the largest or the smallest value allowed."""
    magnitude: bool = False
    """Whether the bound is one of the value without its sign."""
    moved_by_learning: bool = False
    """Whether a healthy network moves the field as it learns, so that a fixed bound is broken sooner or later. Other
    bounds are about the learner's health, or about the town whatever its people do."""


SIGNALS = (
    Signal("kl", "kl_divergence", "max"),
    Signal("loss", "loss_total", "max", magnitude=True),
    Signal("grad", "grad_norm", "max"),
    Signal("entropy", "batch_entropy_mean", "min", moved_by_learning=True),
    Signal("reward_corr", "reward_advantage_corr", "min", moved_by_learning=True),
    Signal("queue_events_min", "queue_conflict_events", "min", moved_by_learning=True),
    Signal("queue_intensity_min", "queue_conflict_intensity_sum", "min", moved_by_learning=True),
    Signal("late_help_min", "late_help_events", "min", moved_by_learning=True),
    Signal("shared_meal_min", "shared_meal_events", "min", moved_by_learning=True),
    Signal("shift_takeover_max", "shift_takeover_events", "max", moved_by_learning=True),
    Signal("chat_quality_min", "chat_quality_mean", "min", moved_by_learning=True),
    Signal("utility_outage_max", "utility_outage_events", "max"),
    Signal("shower_complete_min", "shower_complete_events", "min", moved_by_learning=True),
    Signal("sleep_complete_min", "sleep_complete_events", "min", moved_by_learning=True),
)

_SHOWN = {
    "steps": "steps",
    "kl_divergence": "kl",
    "loss_total": "loss",
    "grad_norm": "grad",
    "batch_entropy_mean": "entropy",
    "reward_advantage_corr": "corr",
    "reward_mean": "reward",
    RETURN_FIELD: "return",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One signal beyond its bound; ``value`` is ``None`` if the record has no finite number for it."""

    signal: str
    field: str
    found: str
    expected: str
    value: float | None
    bound: float | None

    def __str__(self) -> str:
        place = f"{self.field} " if self.field else ""
        return f"{place}{self.found}, expected {self.expected}"


def bounds_moved_by_learning(thresholds: WatchThresholds) -> dict[str, float]:
    """The bounds, by signal name, that mean nothing while a network learns on and on."""
    bounds = thresholds.model_dump(exclude_none=True)
    return {
        signal.name: bounds[signal.name] for signal in SIGNALS if signal.moved_by_learning and signal.name in bounds
    }


def alerts_for(
    record: Mapping[str, Any],
    thresholds: WatchThresholds | Mapping[str, float | None],
) -> list[Alert]:
    """Return the alerts of one record under bounds given by signal name.

    A signal without a bound raises no alert. A NaN or an infinity in any field is an alert of its own (signal
    ``finite``), and so is a missing or non-numeric field whose signal has a bound.
    """
    bounds = thresholds if isinstance(thresholds, Mapping) else thresholds.model_dump()
    alerts = [
        Alert("finite", printable(name), quoted(value), "a finite number", None, None)
        for name, value in record.items()
        if isinstance(value, float) and not is_number(value)
    ]
    alarmed = {alert.field for alert in alerts}
    for signal in SIGNALS:
        bound = bounds.get(signal.name)
        if bound is not None and signal.field not in alarmed:
            alerts.extend(_alerts_of(signal, record, float(bound)))
    return alerts


def _alerts_of(signal: Signal, record: Mapping[str, Any], bound: float) -> list[Alert]:
    value = record.get(signal.field)
    limit = f"at {'most' if signal.side == 'max' else 'least'} {bound:g}"
    expected = f"{limit} in magnitude" if signal.magnitude else limit
    if value is None or not is_number(value):
        found = quoted(value) if signal.field in record else "is missing"
        return [Alert(signal.name, signal.field, found, expected, None, bound)]
    compared = abs(value) if signal.magnitude else value
    if compared <= bound if signal.side == "max" else compared >= bound:
        return []
    return [Alert(signal.name, signal.field, f"{value:.6g}", expected, float(value), bound)]


@dataclass(frozen=True, slots=True)
class EpochReport:
    """One line of a log, with its alerts."""

    file: str
    line: int
    record: Mapping[str, Any]
    alerts: tuple[Alert, ...]

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object: the epoch, its watched values (``null`` if not finite), and its alerts."""
        names = ["epoch", "data_mode", "cycle_id", *_SHOWN, *(signal.field for signal in SIGNALS)]
        values = {name: self.record[name] for name in names if name in self.record}
        plain = {name: v if isinstance(v, str) or is_number(v) else None for name, v in values.items()}
        return {
            "file": self.file,
            "line": self.line,
            **plain,
            "alerts": [asdict(alert) for alert in self.alerts],
        }

    def __str__(self) -> str:
        words = [f"epoch {_short(self.record['epoch'])}" if "epoch" in self.record else f"line {self.line}"]
        if "data_mode" in self.record:
            words.append(f"{_short(self.record['data_mode'])} cycle {_short(self.record.get('cycle_id', '?'))}")
        words.extend(f"{label} {_short(self.record[name])}" for name, label in _SHOWN.items() if name in self.record)
        words.append("ALERT " + "; ".join(map(str, self.alerts)) if self.alerts else "ok")
        return "  ".join(words)


def examine(line: Line, thresholds: WatchThresholds | Mapping[str, float | None]) -> EpochReport:
    """Compare one line of a log with bounds; a line that is not a JSON object is an alert (signal ``record``)."""
    unreadable = [Alert("record", fault.field, fault.found, fault.expected, None, None) for fault in line.faults]
    record = line.record or {}
    beyond = alerts_for(record, thresholds) if line.record is not None else []
    return EpochReport(line.file, line.number, record, (*unreadable, *beyond))


def _short(value: Any) -> str:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return quoted(value)
    return f"{value:.4g}" if isinstance(value, float) else quoted(value)
