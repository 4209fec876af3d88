"""Checks between the stages: those that must hold before anything downstream runs, and those that only warn."""

import warnings
from collections.abc import Callable
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    PreviewWarning,
    asset_check,
)

from townlet.errors import InputError
from townlet_pipeline import files
from townlet_pipeline.partitions import scenarios
from townlet_pipeline.project import scenario_file
from townlet_pipeline.resources import StoreResource

#: What a check found: a sentence and the numbers behind it.
Finding = tuple[bool, str, dict[str, Any]]


def _check(
    asset: str, *, blocking: bool = False, warns: bool = False
) -> Callable[[Callable[[StoreResource, str], Finding]], AssetChecksDefinition]:
    """Make an asset check of a function from the store and a scenario to a finding.

    An InputError is a failed check whose description names every fault. A check that ``warns`` never stops a run.
    """

    def decorate(judge: Callable[[StoreResource, str], Finding]) -> AssetChecksDefinition:
        def run(context: AssetCheckExecutionContext, store: StoreResource) -> AssetCheckResult:
            try:
                passed, told, numbers = judge(store, context.partition_key)
            except InputError as error:
                passed, told, numbers = False, str(error), {"faults": len(error.faults)}
            severity = AssetCheckSeverity.WARN if warns else AssetCheckSeverity.ERROR
            return AssetCheckResult(
                passed=passed,
                severity=severity,
                description=told,
                metadata=numbers,
            )

        with warnings.catch_warnings():
            # Checks per partition are a preview in the pinned release; without them, the result for one scenario
            # would stand for all.
            warnings.simplefilter("ignore", PreviewWarning)
            return asset_check(
                asset=asset,
                name=judge.__name__,
                description=judge.__doc__,
                blocking=blocking,
                partitions_def=scenarios,
            )(run)

    return decorate


@_check("scenario", warns=True)
def scenario_unchanged(store: StoreResource, scenario: str) -> Finding:
    """The copy that everything downstream reads still says what the file in configs/scenarios says."""
    from townlet.config import load_scenario

    copy, source = load_scenario(files.snapshot(store, scenario)), load_scenario(scenario_file(scenario))
    same = copy.digest == source.digest
    return same, "as on file" if same else "the file has changed since: materialize this asset", {}


@_check("rollout_capture", blocking=True)
def capture_integrity(store: StoreResource, scenario: str) -> Finding:
    """Every file of the capture has the bytes, hash, schema and rows that the manifest says."""
    from townlet.capture import verify_capture

    manifest = verify_capture(files.manifest(store, scenario))
    count = len(manifest.shards) + 2
    return True, f"{count} files are as the manifest says", {"files": count, "rows": manifest.rows}


@_check("replay_manifest", blocking=True)
def replay_is_current(store: StoreResource, scenario: str) -> Finding:
    """The capture in the store is the one that was verified."""
    from townlet_pipeline.replay import require_verified

    require_verified(files.manifest(store, scenario), files.replay(store, scenario))
    return True, "the manifest has the hash that was verified", {}


@_check("trained_policy", blocking=True)
def finite_weights(store: StoreResource, scenario: str) -> Finding:
    """The weights have the hash and shapes that the policy's card says, and every one is a finite number."""
    from townlet.behavior.policy_file import load_policy

    network, _ = load_policy(files.policy(store, scenario))
    weights = sum(parameter.numel() for parameter in network.parameters())
    return True, f"{weights:,} finite weights", {"weights": weights}


@_check("ppo_telemetry", blocking=True)
def telemetry_schema(store: StoreResource, scenario: str) -> Finding:
    """Every line of the training log keeps the telemetry schema, and the lines follow each other."""
    from townlet.telemetry import validate_log

    result = validate_log(files.log(store, scenario))
    told = "\n".join(map(str, result.faults)) or f"{len(result.records)} records are valid"
    return result.valid, told, {"records": len(result.records), "faults": len(result.faults)}


@_check("ppo_telemetry", warns=True)
def rewards_not_clipped(store: StoreResource, scenario: str) -> Finding:
    """Few rewards sat on their clip, where they teach nothing."""
    from townlet.telemetry import validate_log
    from townlet.telemetry.verdict import CLIPPED_REWARDS

    records = validate_log(files.log(store, scenario)).records
    worst = max((float(record.get("reward_clipped_share", 0.0)) for record in records), default=0.0)
    told = f"at most {worst:.1%} of an epoch's rewards sat on their clip, {CLIPPED_REWARDS:.0%} are tolerable"
    return worst <= CLIPPED_REWARDS, told, {"clipped_share_max": worst}


@_check("validated_telemetry", blocking=True)
def table_matches_log(store: StoreResource, scenario: str) -> Finding:
    """The table holds the log: its rows, its columns and its values."""
    import pyarrow.parquet as pq

    from townlet.telemetry import read_records, telemetry_table

    expected = telemetry_table(read_records(files.log(store, scenario)))
    found = pq.read_table(files.telemetry_table(store, scenario))
    same = found.equals(expected)
    told = f"{found.num_rows} rows, {found.num_columns} columns" + ("" if same else ", which are not the log's")
    return same, told, {"rows": found.num_rows, "columns": found.num_columns}


@_check("telemetry_alerts", warns=True)
def within_thresholds(store: StoreResource, scenario: str) -> Finding:
    """No epoch went beyond a threshold of the scenario."""
    from townlet.storage import read_json

    content = read_json(files.alerts(store, scenario), "telemetry alerts")
    by_signal: dict[str, list[dict[str, Any]]] = {}
    for alert in content["alerts"]:
        by_signal.setdefault(alert["signal"], []).append(alert)
    told = "\n".join(map(_first_of, by_signal.values())) or f"{len(content['thresholds'])} signals within their bounds"
    return not by_signal, told, {"alerts": len(content["alerts"]), "signals_that_alerted": len(by_signal)}


def _first_of(alerts: list[dict[str, Any]]) -> str:
    """The alerts of one signal in a line."""
    first = alerts[0]
    others = f" and in {len(alerts) - 1} later" if len(alerts) > 1 else ""
    return f"{first['field']} {first['found']} in epoch {first['epoch']}{others}, expected {first['expected']}"


@_check("summary_report")
def report_is_self_contained(store: StoreResource, scenario: str) -> Finding:
    """The page opens anywhere: it refers to no other file and no network, and runs no script."""
    import re

    from townlet.storage import read_bytes

    page = read_bytes(files.report(store, scenario), "a report").decode()
    foreign = re.findall(r"""<script|(?:src|href)=["'](?!#|data:)[^"']*|url\((?!#|data:)[^)]*|@import""", page)
    told = f"{len(page):,} characters" if not foreign else f"refers to {', '.join(sorted(set(foreign))[:5])}"
    return not foreign, told, {"characters": len(page), "references": len(foreign)}


ALL = [
    scenario_unchanged,
    capture_integrity,
    replay_is_current,
    finite_weights,
    telemetry_schema,
    rewards_not_clipped,
    table_matches_log,
    within_thresholds,
    report_is_self_contained,
]
