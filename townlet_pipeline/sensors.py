"""The sensor that keeps the partitions in step with the scenario files."""

import json
from collections.abc import Iterable
from typing import Any

from dagster import (
    AssetObservation,
    DefaultSensorStatus,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)

from townlet.storage import read_bytes, sha256
from townlet_pipeline.partitions import files_on_disk, is_experiment, known_scenarios, scenarios
from townlet_pipeline.project import scenario_file


@sensor(minimum_interval_seconds=30, default_status=DefaultSensorStatus.RUNNING)
def scenario_files(context: SensorEvaluationContext) -> SensorResult:
    """Makes a partition of each new file in `configs/scenarios`, and reports files that were edited or removed.

    Nothing is deleted: the partition of a removed file keeps its artefacts and its history. Each change is reported
    once, as an observation of `scenario`; what is missing is named in every evaluation.
    """
    known = known_scenarios(context.instance)
    found = {name: sha256(read_bytes(scenario_file(name), "a scenario")) for name in files_on_disk()}
    before: dict[str, Any] = json.loads(context.cursor or "{}")
    hashes: dict[str, str] = before.get("files", {})
    new = [name for name in found if name not in known]
    removed = [key for key in known if key not in found and not is_experiment(key)]
    edited = [name for name, digest in found.items() if hashes.get(name, digest) != digest]
    reports = [
        *_observed(
            set(removed) - set(before.get("removed", [])), "its file was removed; nothing made of it is deleted"
        ),
        *_observed(edited, "its file was edited: what was made of it is out of date until it is materialized"),
    ]
    for report in reports:
        context.log.warning(f"{report.partition}: {report.metadata['change'].value}")
    return SensorResult(
        dynamic_partitions_requests=[scenarios.build_add_request(new)] if new else [],
        asset_events=reports,
        skip_reason=_told(new, removed, edited),
        cursor=json.dumps({"files": found, "removed": sorted(removed)}),
    )


def _observed(names: Iterable[str], change: str) -> list[AssetObservation]:
    return [AssetObservation("scenario", partition=name, metadata={"change": change}) for name in sorted(names)]


def _told(new: list[str], removed: list[str], edited: list[str]) -> str:
    parts = [
        f"new: {', '.join(new)}" if new else "",
        f"edited: {', '.join(edited)}" if edited else "",
        f"without a file (nothing is deleted): {', '.join(removed)}" if removed else "",
    ]
    return "; ".join(part for part in parts if part) or "every scenario file has its partition"
