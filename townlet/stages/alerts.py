"""Alerts of a whole training log, in ``alerts.json``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from townlet.config import load_scenario
from townlet.files.storage import pretty_json, write_atomically
from townlet.telemetry.validator import read_records
from townlet.telemetry.watcher import alerts_for

_FIELDS = ("signal", "field", "found", "expected")


@dataclass(frozen=True)
class WrittenAlerts:
    """The alerts that were written, the file's hash, and what the alerts were computed from."""

    sha256: str
    thresholds: dict[str, float]
    alerts: list[dict[str, str | int]]
    records: list[dict[str, Any]]
    scenario_digest: str


def write_alerts(log: Path, scenario_path: Path, output: Path) -> WrittenAlerts:
    """Compare every epoch of a log with a scenario's thresholds, as ``townlet watch`` does, and write the alerts.

    Raises InputError, and leaves ``output`` as it was, if the log or the scenario is not valid.
    """
    scenario, records = load_scenario(scenario_path), read_records(log)
    thresholds = scenario.telemetry.thresholds
    alerts: list[dict[str, str | int]] = [
        {"epoch": int(record["epoch"]), **{name: str(getattr(alert, name)) for name in _FIELDS}}
        for record in records
        for alert in alerts_for(record, thresholds)
    ]
    bounds = thresholds.model_dump(exclude_none=True)
    content = {"thresholds": bounds, "last_epoch": records[-1]["epoch"], "alerts": alerts}
    digest = write_atomically(output, pretty_json(content))
    return WrittenAlerts(digest, bounds, alerts, records, scenario.digest)
