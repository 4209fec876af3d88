"""A scenario's whole column, materialized for real: files, versions, lineage and what the asset pages show."""

from __future__ import annotations

import base64
import html
import json
import shlex
import shutil
from pathlib import Path

from dagster import AssetSelection, TableMetadataValue, TableSchemaMetadataValue
from support.pipeline_runs import SCENARIO, SMALL, Column, failed_checks, materialized, run_column, versions

from townlet.cli import main
from townlet.config import load_scenario
from townlet.files.storage import sha256
from townlet.telemetry import CLOCK_FIELDS, FIELDS, read_records
from townlet_pipeline.artefacts.versions import log_sha256


def test_every_asset_is_made_and_every_check_holds(column: Column) -> None:
    assert column.result.success
    assert failed_checks(column.result) == {}
    assert sorted(
        str(path.relative_to(column.store / SCENARIO))
        for path in column.store.rglob("*.*")
        if path.is_file() and not path.name.startswith((".", "steps-", "events-", "metrics-", "lineage"))
    ) == [
        "policy_evaluation/evaluation.json",
        "ppo_telemetry/ppo_telemetry.jsonl",
        "replay_manifest/replay.json",
        "rollout_capture/rollout_sample_manifest.json",
        "rollout_capture/rollout_sample_metrics.json",
        "rollout_playback/playback.html",
        f"scenario/{SCENARIO}.yaml",
        "summary_report/report.html",
        "summary_report/summary.json",
        "summary_report/summary.md",
        "telemetry_alerts/alerts.json",
        "trained_policy/checkpoint.safetensors",
        f"trained_policy/{SCENARIO}.yaml",
        "trained_policy/policy.json",
        "trained_policy/policy.safetensors",
        "validated_telemetry/telemetry.parquet",
    ]


def test_data_versions_are_hashes_of_content(column: Column) -> None:
    found = versions(column.result)
    records = read_records(column.path("ppo_telemetry/ppo_telemetry.jsonl"))
    assert found["scenario"] == load_scenario(column.path(f"scenario/{SCENARIO}.yaml")).digest
    for asset, file in {
        "rollout_capture": "rollout_capture/rollout_sample_manifest.json",
        "rollout_playback": "rollout_playback/playback.html",
        "replay_manifest": "replay_manifest/replay.json",
        "trained_policy": "trained_policy/policy.safetensors",
        "telemetry_alerts": "telemetry_alerts/alerts.json",
        "policy_evaluation": "policy_evaluation/evaluation.json",
    }.items():
        assert found[asset] == sha256(column.path(file).read_bytes()), asset
    assert found["ppo_telemetry"] == found["validated_telemetry"] == log_sha256(records)


def test_clock_fields_do_not_change_the_version_of_a_log_and_all_others_do(column: Column) -> None:
    records = read_records(column.path("ppo_telemetry/ppo_telemetry.jsonl"))
    before = log_sha256(records)
    for name in records[0]:
        changed = [{**records[0], name: "other"}, *records[1:]]
        assert (log_sha256(changed) == before) == (name in CLOCK_FIELDS), name


def test_each_materialization_records_the_versions_of_its_parents(column: Column) -> None:
    found, made = versions(column.result), materialized(column.result)
    for asset, parents in {
        "rollout_capture": ["scenario"],
        "rollout_playback": ["rollout_capture", "scenario"],
        "replay_manifest": ["rollout_capture"],
        "trained_policy": ["scenario", "replay_manifest"],
        "ppo_telemetry": ["scenario", "replay_manifest"],
        "telemetry_alerts": ["scenario", "validated_telemetry"],
        "summary_report": ["rollout_capture", "trained_policy", "validated_telemetry"],
        "policy_evaluation": ["rollout_capture", "scenario", "trained_policy"],
    }.items():
        tags = made[asset].tags or {}
        # Dagster hashes the versions of a partitioned parent's partitions once more; here there is one of them.
        recorded = {p: tags[f"dagster/input_data_version/{p}"] for p in parents}
        assert recorded == {p: sha256(found[p].encode()) for p in parents}
        assert made[asset].metadata["made_from"].value == {p: found[p] for p in parents}


def test_the_same_column_again_has_the_same_versions(column: Column, tmp_path: Path) -> None:
    again = run_column(column.instance, tmp_path)
    assert versions(again) == versions(column.result)


def test_another_training_seed_changes_all_that_is_downstream_of_it(column: Column, tmp_path: Path) -> None:
    shutil.copytree(column.store, tmp_path, dirs_exist_ok=True)
    changed = ("trained_policy", "ppo_telemetry", "validated_telemetry", "summary_report")
    before = versions(column.result)
    after = versions(run_column(column.instance, tmp_path, selection=AssetSelection.assets(*changed), seed=5))
    assert not {name for name in changed if before[name] == after[name]}


def test_the_report_ends_with_commands_that_run_and_make_the_same_again(column: Column, tmp_path: Path) -> None:
    shutil.copytree(column.store, tmp_path / "store")
    page = column.path("summary_report/report.html").read_text().replace(str(column.store), str(tmp_path / "store"))
    commands = html.unescape(page.split('<pre tabindex="0">')[1].split("</pre>")[0]).splitlines()
    assert [shlex.split(command)[1] for command in commands] == ["capture", "train", "validate", "summary"]
    for command in commands:
        assert main(shlex.split(command)[1:]) == 0
    found, made = versions(column.result), tmp_path / "store" / SCENARIO
    assert sha256((made / "rollout_capture/rollout_sample_manifest.json").read_bytes()) == found["rollout_capture"]
    assert sha256((made / "trained_policy/policy.safetensors").read_bytes()) == found["trained_policy"]


def test_the_validated_table_declares_every_field_of_the_schema(column: Column) -> None:
    metadata = materialized(column.result)["validated_telemetry"].metadata
    declared = metadata["dagster/column_schema"]
    assert isinstance(declared, TableSchemaMetadataValue)
    columns = {c.name: c for c in declared.schema.columns}
    for field in FIELDS:
        if field.since is not None:
            assert field.meaning in (columns[field.name].description or "")
            assert not columns[field.name].constraints.nullable
    assert columns["clip_fraction"].constraints.other == ["at least 0", "at most 1"]
    assert metadata["dagster/row_count"].value == 4


def test_asset_pages_show_plots_tables_figures_and_a_headline(column: Column) -> None:
    made = materialized(column.result)
    for asset in ("rollout_capture", "trained_policy"):
        image = str(made[asset].metadata["plots"].value)
        data = base64.b64decode(image.split("base64,")[1].rstrip(")"))
        assert data.startswith(b"\x89PNG")
    assert all(isinstance(m.metadata["headline"].value, str) for m in made.values())
    people = made["rollout_capture"].metadata["people"]
    assert isinstance(people, TableMetadataValue)
    assert [row.data["agent"] for row in people.records] == ["iris"]
    for number in ("reward_mean_before", "reward_mean_after", "seconds"):
        assert isinstance(made["trained_policy"].metadata[number].value, float)


def test_training_is_seen_live_as_observations_of_its_partition(column: Column) -> None:
    seen = [event.asset_observation_data.asset_observation for event in column.result.get_asset_observation_events()]
    assert [observation.metadata["epoch"].value for observation in seen] == [1, 2, 3, 4]
    assert {(o.asset_key.to_user_string(), o.partition) for o in seen} == {("ppo_telemetry", SCENARIO)}


def test_options_of_the_launchpad_reach_the_training(column: Column, tmp_path: Path) -> None:
    shutil.copytree(column.store / SCENARIO / "scenario", tmp_path / SCENARIO / "scenario")
    options = {"learning_rate": 0.5e-3, "entropy_coef": 0.02, "cycles": 2, "epochs": 1}
    trained = AssetSelection.assets("trained_policy", "ppo_telemetry")
    result = run_column(column.instance, tmp_path, selection=trained, mode="rollout", **options)
    assert result.success
    provenance = json.loads((tmp_path / SCENARIO / "trained_policy" / "policy.json").read_text())["provenance"]
    assert provenance["mode"] == "rollout"
    assert provenance["training"]["ppo"]["learning_rate"] == 0.5e-3
    assert provenance["training"]["ppo"]["entropy_coef"] == 0.02
    assert provenance["training"]["worlds"] == SMALL["worlds"]
    assert provenance["epochs"] == 2
