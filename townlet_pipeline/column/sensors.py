"""The sensor that makes partitions of new scenario files, and reports edited and removed ones."""

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

from townlet.errors import InputError
from townlet.files.storage import read_bytes, sha256
from townlet_pipeline.artefacts.partitions import (
    files_on_disk,
    known_scenarios,
    new_scenarios,
    scenarios,
    unusable_files,
)
from townlet_pipeline.artefacts.scenario_source import is_experiment
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column.scenario_file import edited_files
from townlet_pipeline.instance.project import KEY_EXPECTED, is_key, scenario_file


@sensor(
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
    description="Makes a partition of each new file in configs/scenarios that is valid, names those that are not, and "
    "reports files that were edited or removed. Nothing is deleted.",
)
def scenario_files(context: SensorEvaluationContext, store: StoreResource) -> SensorResult:
    """Make a partition of each new valid file in `configs/scenarios`, and report files that were edited or removed.

    Nothing is deleted: the partition of a removed or broken file keeps its artefacts and its history. Each change is
    reported once, as an observation of `scenario`. Every evaluation names the missing files, and those that cannot be
    a partition, with their first fault.
    """
    known = known_scenarios(context.instance)
    found, unreadable = _hashes()
    before: dict[str, Any] = json.loads(context.cursor or "{}")
    hashes: dict[str, str] = before.get("files", {})
    valid, faulty = new_scenarios(known)
    new = [name for name in valid if name in found]
    unreadable = faulty | unreadable
    gone = [key for key in known if key not in found and key not in unreadable]
    removed = []
    for key in gone:
        if not is_key(key):
            unreadable[key] = f"partition {key!r}: no scenario can have this name, expected {KEY_EXPECTED}: retire it"
            continue
        try:
            if not is_experiment(store, key):
                removed.append(key)
        except InputError as error:
            unreadable[key] = str(error)
    touched = {name for name, digest in found.items() if name in known and hashes.get(name, digest) != digest}
    # Files of new partitions; and of all others, if a former version of this sensor reported no versions.
    unreported = [name for name in found if name in {*known, *new} and name not in before.get("reported", [])]
    versions, invalid = edited_files(context.instance, sorted({*touched, *unreported}))
    edited = sorted(touched & {*(each.key for each in versions), *invalid})
    reports = [
        *_observed(
            set(removed) - set(before.get("removed", [])), "its file was removed; nothing made of it is deleted"
        ),
        *_observed(edited, "its file was edited: what was made of it is out of date until it is materialized again"),
    ]
    for report in reports:
        context.log.warning(f"{report.partition}: {report.metadata['change'].value}")
    not_partitions = [*unusable_files(), *unreadable.values()]
    for line in not_partitions:
        context.log.warning(line)
    return SensorResult(
        dynamic_partitions_requests=[scenarios.build_add_request(new)] if new else [],
        asset_events=[*reports, *(event for each in versions for event in each.events())],
        skip_reason=_summary(new, removed, edited, not_partitions),
        cursor=json.dumps(
            {
                "files": {**{name: hashes[name] for name in unreadable if name in hashes}, **found},
                "removed": sorted(removed),
                "reported": sorted({*before.get("reported", []), *unreported} & found.keys()),
            }
        ),
    )


def _hashes() -> tuple[dict[str, str], dict[str, str]]:
    """The hash of each scenario file by name, and for those that cannot be read the reason by name."""
    found: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    for name in files_on_disk():
        try:
            found[name] = sha256(read_bytes(scenario_file(name), "a scenario"))
        except InputError as error:
            # A file may have been removed since the folder was listed. It must not keep the others from being read.
            unreadable[name] = str(error)
    return found, unreadable


def _observed(names: Iterable[str], change: str) -> list[AssetObservation]:
    return [AssetObservation("scenario", partition=name, metadata={"change": change}) for name in sorted(names)]


def _summary(new: list[str], removed: list[str], edited: list[str], not_partitions: list[str]) -> str:
    parts = [
        f"new: {', '.join(new)}" if new else "",
        f"edited: {', '.join(edited)}" if edited else "",
        f"without a file (nothing is deleted): {', '.join(removed)}" if removed else "",
        *not_partitions,
    ]
    return "; ".join(part for part in parts if part) or "every scenario file has its partition"
