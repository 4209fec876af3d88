"""Faults that no hash shows, and faults in records: gates stop the run for some, advisories report the others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dagster import AssetCheckSeverity, AssetsDefinition, AssetSelection, AssetSpec, ExecuteInProcessResult, multi_asset
from support.pipeline_runs import SCENARIO, Column, failed_checks, materialized, run_column

from townlet.capture.tables import to_parquet
from townlet.files.storage import sha256
from townlet.lineage import read_record, write_record
from townlet_pipeline.artefacts.files import MAIN
from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.resources import SimulatorResource

PARENTS = {
    "scenario": [],
    "rollout_capture": ["scenario"],
    "telemetry_alerts": ["scenario", "validated_telemetry"],
    "policy_evaluation": ["scenario", "rollout_capture", "trained_policy", "validated_telemetry"],
}


def damaged(column: Column, store: Path, asset: str, damage: Callable[[Path], None]) -> AssetsDefinition:
    """An asset in place of the real one that copies what the real one made, and damages the copy."""

    @multi_asset(name=asset, partitions_def=scenarios, specs=[AssetSpec(asset, deps=PARENTS[asset])])
    def copy() -> None:
        shutil.rmtree(store / SCENARIO / asset, ignore_errors=True)
        shutil.copytree(column.path(asset), store / SCENARIO / asset)
        damage(store / SCENARIO / asset)

    return copy


def run_damaged(
    column: Column, store: Path, asset: str, damage: Callable[[Path], None], selection: AssetSelection | None = None
) -> ExecuteInProcessResult:
    shutil.copytree(column.store, store)
    chosen = selection or AssetSelection.assets(asset).downstream()
    return run_column(column.instance, store, replaced=[damaged(column, store, asset, damage)], selection=chosen)


def severities(result: ExecuteInProcessResult) -> dict[str, AssetCheckSeverity]:
    return {e.check_name: e.severity for e in result.get_asset_check_evaluations() if not e.passed}


def record_again(folder: Path) -> None:
    """Make the record agree with damaged files, so that only their content is wrong."""
    record = read_record(folder / "lineage.json")
    main, sources = folder / record.files[0].file, [folder / entry.file for entry in record.made_from]
    named = {str(index): source for index, source in enumerate(sources)}
    write_record(main, kind=record.kind, made_by=record.made_by, made_from=named)


def flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_flipped_byte_in_the_copied_scenario_stops_everything(column: Column, tmp_path: Path) -> None:
    result = run_damaged(
        column, tmp_path / "store", "scenario", lambda folder: flip_a_byte(folder / f"{SCENARIO}.yaml")
    )
    assert not result.success
    assert "found SHA-256" in failed_checks(result)["lineage_intact"]
    assert materialized(result).keys() == {"scenario"}


def raise_a_reward(folder: Path) -> None:
    """Record a reward that nobody got, in a capture whose every hash is right."""
    path = folder / MAIN["rollout_capture"]
    manifest = json.loads(path.read_text())
    shard = manifest["shards"][0]
    table = pq.read_table(folder / shard["file"])
    rewards = table["reward"].to_pylist()
    place = table.schema.get_field_index("reward")
    changed = table.set_column(
        place, table.schema.field(place), pa.array([rewards[0] + 0.25, *rewards[1:]], pa.float32())
    )
    content = to_parquet(changed)
    (folder / shard["file"]).write_bytes(content)
    shard |= {"bytes": len(content), "sha256": sha256(content)}
    path.write_text(json.dumps(manifest))
    record_again(folder)


def test_a_capture_that_does_not_come_out_the_same_again_stops_the_column(column: Column, tmp_path: Path) -> None:
    result = run_damaged(column, tmp_path / "store", "rollout_capture", raise_a_reward)
    assert failed_checks(result) == {"slice_reproduces": "different: reward"}
    assert materialized(result).keys() == {"rollout_capture"}


def test_a_capture_that_is_too_small_is_not_learnt_from(column: Column, tmp_path: Path) -> None:
    shutil.copytree(column.store, tmp_path / "store")
    chosen = AssetSelection.assets("rollout_capture").downstream()
    result = run_column(column.instance, tmp_path / "store", selection=chosen, simulator=SimulatorResource(ticks=5))
    assert failed_checks(result) == {"enough_to_learn": "5 agent-steps per person, at least 10 are needed"}
    assert materialized(result).keys() == {"rollout_capture", "rollout_playback", "replay_manifest"}


def test_alerts_that_were_altered_fail_the_run(column: Column, tmp_path: Path) -> None:
    result = run_damaged(
        column, tmp_path / "store", "telemetry_alerts", lambda folder: flip_a_byte(folder / MAIN["telemetry_alerts"])
    )
    assert not result.success
    assert str(tmp_path / "store" / SCENARIO / "telemetry_alerts") in failed_checks(result)["lineage_intact"]


def edited(file: str, change: Callable[[Any], None]) -> Callable[[Path], None]:
    """A function that edits a JSON file and makes the record agree."""

    def damage(folder: Path) -> None:
        content = json.loads((folder / file).read_text())
        change(content)
        (folder / file).write_text(json.dumps(content))
        record_again(folder)

    return damage


def test_an_evaluation_in_worlds_of_the_training_fails_the_run(column: Column, tmp_path: Path) -> None:
    def seen(content: Any) -> None:
        content["seed"] = content["seeds_trained_with"][0]

    result = run_damaged(column, tmp_path / "store", "policy_evaluation", edited(MAIN["policy_evaluation"], seen))
    assert not result.success
    assert "were trained with" in failed_checks(result)["worlds_are_unseen"]


def test_a_policy_that_is_worse_than_chance_is_a_warning(column: Column, tmp_path: Path) -> None:
    def worse(content: Any) -> None:
        content["policy_minus"]["random"]["reward_mean"] = {"mean": -2.0, "low": -3.0, "high": -1.0}

    result = run_damaged(column, tmp_path / "store", "policy_evaluation", edited(MAIN["policy_evaluation"], worse))
    assert result.success
    assert severities(result) == {"no_worse_than_chance": AssetCheckSeverity.WARN}


@pytest.mark.parametrize(
    ("field", "values", "check", "severity"),
    [
        ("reward_clipped_share", (0.0, 0.1, 0.0, 0.0), "rewards_not_clipped", AssetCheckSeverity.WARN),
        ("reward_clipped_share", (0.0, 0.0, 0.0, 0.9), "rewards_not_clipped", AssetCheckSeverity.ERROR),
        ("batch_entropy_mean", (1.0, 1.0, 1.0, 0.01), "entropy_kept", AssetCheckSeverity.WARN),
        ("batch_entropy_mean", (0.01, 0.01, 0.01, 0.01), "entropy_kept", AssetCheckSeverity.ERROR),
        ("kl_divergence", (0.9, 0.0, 0.0, 0.0), "within_thresholds", AssetCheckSeverity.WARN),
        ("kl_divergence", (0.0, 0.0, 0.0, 0.9), "within_thresholds", AssetCheckSeverity.ERROR),
    ],
)
def test_a_bad_value_in_a_log_is_a_warning_or_an_error_and_stops_nothing(
    column: Column, tmp_path: Path, field: str, values: tuple[float, ...], check: str, severity: AssetCheckSeverity
) -> None:
    store = tmp_path / "store"
    shutil.copytree(column.store, store)
    log = store / SCENARIO / "ppo_telemetry" / MAIN["ppo_telemetry"]
    records = [json.loads(line) for line in log.read_text().splitlines()]
    for record, value in zip(records, values, strict=True):
        record[field] = value
    log.write_text("".join(json.dumps(record) + "\n" for record in records))
    record_again(log.parent)
    made = AssetSelection.assets("validated_telemetry", "telemetry_alerts")
    chosen = made | AssetSelection.checks_for_assets("ppo_telemetry")
    result = run_column(column.instance, store, selection=chosen)
    assert result.success
    assert severities(result) == {check: severity}
    assert materialized(result).keys() == {"validated_telemetry", "telemetry_alerts"}
