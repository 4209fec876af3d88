"""Alerts of an epoch: signals beyond their bounds, and values that cannot be compared with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from townlet.files.strict_json import is_number
from townlet.telemetry.checks import quoted
from townlet.telemetry.reader import Line
from townlet.text.terminal import printable

if TYPE_CHECKING:
    from townlet.config.telemetry import WatchThresholds


@dataclass(frozen=True, slots=True)
class Watch:
    """A signal that can be watched: its field, and whether its bound is the largest or the smallest value allowed."""

    signal: str
    field: str
    side: Literal["max", "min"]
    magnitude: bool = False


WATCHES = (
    Watch("kl", "kl_divergence", "max"),
    Watch("loss", "loss_total", "max", magnitude=True),
    Watch("grad", "grad_norm", "max"),
    Watch("entropy", "batch_entropy_mean", "min"),
    Watch("reward_corr", "reward_advantage_corr", "min"),
    Watch("queue_events_min", "queue_conflict_events", "min"),
    Watch("queue_intensity_min", "queue_conflict_intensity_sum", "min"),
    Watch("late_help_min", "late_help_events", "min"),
    Watch("shared_meal_min", "shared_meal_events", "min"),
    Watch("shift_takeover_max", "shift_takeover_events", "max"),
    Watch("chat_quality_min", "chat_quality_mean", "min"),
    Watch("utility_outage_max", "utility_outage_events", "max"),
    Watch("shower_complete_min", "shower_complete_events", "min"),
    Watch("sleep_complete_min", "sleep_complete_events", "min"),
)

_SHOWN = {
    "steps": "steps",
    "kl_divergence": "kl",
    "loss_total": "loss",
    "grad_norm": "grad",
    "batch_entropy_mean": "entropy",
    "reward_advantage_corr": "corr",
    "reward_mean": "reward",
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


def alerts_for(
    record: Mapping[str, Any],
    thresholds: WatchThresholds | Mapping[str, float | None],
) -> list[Alert]:
    """Return the alerts of one record under bounds given by signal name.

    A signal without a bound is not watched. A NaN or an infinity in any field is an alert of its own (signal
    ``finite``); a watched field that is missing or no number is an alert, too.
    """
    bounds = thresholds if isinstance(thresholds, Mapping) else thresholds.model_dump()
    alerts = [
        Alert("finite", printable(name), quoted(value), "a finite number", None, None)
        for name, value in record.items()
        if isinstance(value, float) and not is_number(value)
    ]
    alarmed = {alert.field for alert in alerts}
    for watch in WATCHES:
        bound = bounds.get(watch.signal)
        if bound is not None and watch.field not in alarmed:
            alerts.extend(_alerts_of(watch, record, float(bound)))
    return alerts


def _alerts_of(watch: Watch, record: Mapping[str, Any], bound: float) -> list[Alert]:
    value = record.get(watch.field)
    limit = f"at {'most' if watch.side == 'max' else 'least'} {bound:g}"
    expected = f"{limit} in magnitude" if watch.magnitude else limit
    if value is None or not is_number(value):
        found = quoted(value) if watch.field in record else "is missing"
        return [Alert(watch.signal, watch.field, found, expected, None, bound)]
    compared = abs(value) if watch.magnitude else value
    if compared <= bound if watch.side == "max" else compared >= bound:
        return []
    return [Alert(watch.signal, watch.field, f"{value:.6g}", expected, float(value), bound)]


@dataclass(frozen=True, slots=True)
class EpochReport:
    """One line of a log, with its alerts."""

    file: str
    line: int
    record: Mapping[str, Any]
    alerts: tuple[Alert, ...]

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object: the epoch, its watched values (``null`` if not finite), and its alerts."""
        names = ["epoch", "data_mode", "cycle_id", *_SHOWN, *(watch.field for watch in WATCHES)]
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
    """Compare one line of a log with bounds; a line that is no JSON object is an alert (signal ``record``)."""
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
