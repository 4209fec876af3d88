"""Alerts of a whole training log, in ``alerts.json``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from townlet.config import load_scenario
from townlet.files.storage import pretty_json, write_atomically
from townlet.telemetry.epoch_alerts import alerts_for
from townlet.telemetry.validator import read_records

_FIELDS = ("signal", "field", "found", "expected")


@dataclass(frozen=True)
class WrittenAlerts:
    """Alerts as written, with the file's hash, and the thresholds, records and scenario that they come from."""

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
