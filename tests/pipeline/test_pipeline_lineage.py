"""Provenance of materializations: what each says about where it comes from is true."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from dagster import AssetKey, AssetSelection, DagsterInstance, TableColumnLineageMetadataValue, TableMetadataValue
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest
from support.pipeline_runs import SCENARIO, Column, materialized, new_instance, run_column, versions
from support.places import ROOT

from townlet.cli import main
from townlet.lineage import RECORD_NAME, read_record, trace
from townlet.telemetry import read_records, telemetry_table
from townlet_pipeline.artefacts.files import MAIN
from townlet_pipeline.artefacts.versions import log_sha256
from townlet_pipeline.definitions import defs
from townlet_pipeline.resources import SimulatorResource

COLUMN = [
    "scenario",
    "rollout_capture",
    "rollout_playback",
    "replay_manifest",
    "trained_policy",
    "ppo_telemetry",
    "validated_telemetry",
    "telemetry_alerts",
    "summary_report",
    "policy_evaluation",
]
#: Files that a training keeps for itself, and the record, which only the pipeline writes.
_ASIDE = {"checkpoint.safetensors", "attempts.json", RECORD_NAME}


def artefacts_in(folder: Path, hidden: Path | None = None) -> dict[str, bytes]:
    """The files that make an asset, by name; the path ``hidden`` in them is replaced."""
    content = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    kept = {name: data for name, data in content.items() if name not in _ASIDE and not name.startswith(".")}
    return {name: data.replace(str(hidden).encode(), b"STORE") for name, data in kept.items()}


@pytest.mark.parametrize("asset", [asset for asset in COLUMN if asset != "ppo_telemetry"])
def test_the_command_of_an_asset_makes_its_very_bytes_without_dagster(
    column: Column, asset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    shutil.copytree(column.store, tmp_path / "store")
    line = str(materialized(column.result)[asset].metadata["command"].value)
    command = shlex.split(line.replace(str(column.store), str(tmp_path / "store")))
    folder, log = tmp_path / "store" / SCENARIO / asset, tmp_path / "store" / SCENARIO / "ppo_telemetry"
    for path in folder.iterdir():
        if str(path) not in command[:3]:
            path.unlink()
    assert command[0] == "townlet"
    assert main(command[1:]) == 0
    made, before = artefacts_in(folder, tmp_path / "store"), artefacts_in(column.path(asset), column.store)
    assert made == before
    if asset == "trained_policy":
        assert log_sha256(read_records(log / MAIN["ppo_telemetry"])) == versions(column.result)["ppo_telemetry"]
        training = materialized(column.result)["ppo_telemetry"].metadata["command"].value
        assert training == materialized(column.result)[asset].metadata["command"].value


def test_each_materialization_lists_what_it_was_read_from_and_the_run_that_made_it(column: Column) -> None:
    found, made = versions(column.result), materialized(column.result)
    for asset, materialization in made.items():
        table = materialization.metadata["inputs"]
        assert isinstance(table, TableMetadataValue)
        rows = [dict(row.data) for row in table.records]
        assert rows == [
            {"asset": p, "partition": SCENARIO, "data_version": found[p], "run": column.result.run_id}
            for p in materialization.metadata["made_from"].value
        ]
        assert bool(rows) == (asset != "scenario")


def test_no_run_is_claimed_for_an_input_that_was_made_by_hand(column: Column, tmp_path: Path) -> None:
    shutil.copytree(column.store, tmp_path / "store")
    place = tmp_path / "store" / SCENARIO
    manifest, snapshot = place / "rollout_capture", place / "scenario" / f"{SCENARIO}.yaml"
    assert main(["capture", str(snapshot), "--output", str(manifest), "--seed", "99"]) == 0
    only = AssetSelection.assets("replay_manifest").without_checks()
    result = run_column(column.instance, tmp_path / "store", selection=only)
    table = materialized(result)["replay_manifest"].metadata["inputs"]
    assert isinstance(table, TableMetadataValue)
    assert [row.data["run"] for row in table.records] == ["none on record"]


def test_each_materialization_names_its_environment(column: Column) -> None:
    for materialization in materialized(column.result).values():
        environment = materialization.metadata["environment"].value
        assert environment["packages"].keys() >= {"numpy", "numba", "torch", "pyarrow", "dagster"}
        assert len(environment["commit"] or "") in (0, 40)
        assert environment["machine"]["cores"] > 0


def test_columns_can_be_followed_from_the_report_to_the_log(column: Column) -> None:
    made = materialized(column.result)

    def sources(asset: str) -> dict[str, list[tuple[str, str]]]:
        value = made[asset].metadata["dagster/column_lineage"]
        assert isinstance(value, TableColumnLineageMetadataValue)
        deps = value.value.deps_by_column
        return {
            name: [(dep.asset_key.to_user_string(), dep.column_name) for dep in each] for name, each in deps.items()
        }

    def columns(asset: str) -> set[str]:
        return {c.name for c in made[asset].metadata["dagster/column_schema"].schema.columns}  # type: ignore[union-attr]

    records = read_records(column.path("ppo_telemetry/ppo_telemetry.jsonl"))
    validated = set(telemetry_table(records).column_names)
    assert columns("ppo_telemetry") == {name for record in records for name in record}
    assert sources("validated_telemetry") == {name: [("ppo_telemetry", name)] for name in validated}
    for asset in ("summary_report", "telemetry_alerts"):
        assert sources(asset).keys() == columns(asset)
        named = [dep for deps in sources(asset).values() for dep in deps]
        assert named
        assert {parent for parent, _ in named} == {"validated_telemetry"}
        assert {name for _, name in named} <= columns("validated_telemetry")
    assert ("validated_telemetry", "kl_divergence") in sources("telemetry_alerts")["found"]


@pytest.mark.parametrize("asset", COLUMN)
def test_every_file_of_an_asset_can_be_traced_to_the_scenario(column: Column, asset: str) -> None:
    record = read_record(column.path(asset) / RECORD_NAME)
    assert record.kind == asset
    assert record.made_by == materialized(column.result)[asset].metadata["command"].value
    for entry in record.files:
        nodes = list(trace(column.path(asset) / entry.file).everything())
        assert [node.kind for node in nodes if not node.made_from] == ["scenario"]
        assert nodes[0].kind == asset


def test_a_changed_byte_upstream_is_found_by_the_command_with_both_hashes(
    column: Column, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(column.store, tmp_path / "store")
    place = tmp_path / "store" / SCENARIO
    report, shard = str(place / "summary_report" / "report.html"), next((place / "rollout_capture").glob("steps-*"))
    assert main(["lineage", report, "--json"]) == 0
    traced = json.loads(capsys.readouterr().out)
    expected = traced["artefacts"][1]["files"][str(shard)]
    assert traced["scenarios"] == [str(place / "scenario" / f"{SCENARIO}.yaml")]
    content = bytearray(shard.read_bytes())
    content[0] ^= 1
    shard.write_bytes(content)
    assert main(["lineage", report]) == 1
    error = capsys.readouterr().err
    assert f"{shard}: found SHA-256 " in error
    assert f"expected {expected}" in error


def stale(instance: DagsterInstance, assets: Iterable[str]) -> set[str]:
    """Those of the assets that Dagster shows as stale."""
    resolver = CachingStaleStatusResolver(instance, defs.resolve_asset_graph(), LoadingContextForTest(instance))
    status = {name: resolver.get_status(AssetKey(name), SCENARIO) for name in assets}
    assert StaleStatus.MISSING not in status.values()
    return {name for name, each in status.items() if each is StaleStatus.STALE}


def test_rebuilding_to_the_same_bytes_makes_nothing_stale_and_to_others_does(tmp_path: Path) -> None:
    store = tmp_path / "store"
    chain = AssetSelection.assets("telemetry_alerts").upstream().without_checks()
    with new_instance(tmp_path) as instance:
        before = versions(run_column(instance, store, selection=chain))
        for again in ("scenario", "rollout_capture", "trained_policy"):
            only = AssetSelection.assets(again, *(["ppo_telemetry"] if again == "trained_policy" else []))
            made = versions(run_column(instance, store, selection=only.without_checks()))
            assert made.items() <= before.items()
        assert stale(instance, before) == set()
        only = AssetSelection.assets("rollout_capture").without_checks()
        assert run_column(instance, store, selection=only, simulator=SimulatorResource(seed=7)).success
        assert stale(instance, before) == {"replay_manifest"}
