"""Gates: a fault planted in one asset is found, and nothing downstream of it is made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from dagster import (
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    DagsterInstance,
    Failure,
    MaterializeResult,
    TableMetadataValue,
    asset,
    multi_asset,
)
from support.pipeline_runs import SCENARIO, Column, failed_checks, materialized, reasons, run_column

from townlet.errors import Fault, InputError
from townlet.training import TrainingDiverged
from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.column.train import training_failures
from townlet_pipeline.instance.project import scenario_file
from townlet_pipeline.resources import SimulatorResource
from townlet_pipeline.runs.failures import readable_failures

DOWNSTREAM = {"validated_telemetry", "telemetry_alerts", "summary_report"}


@pytest.fixture
def instance(column: Column) -> DagsterInstance:
    return column.instance


@pytest.fixture
def whole_store(column: Column) -> Path:
    """A store with one intact column in it."""
    return column.store


@pytest.fixture
def store(whole_store: Path, tmp_path: Path) -> Path:
    """A copy of the intact store, to be damaged."""
    shutil.copytree(whole_store, tmp_path / "store")
    return tmp_path / "store"


def faulty_capture(store: Path, source: Path) -> AssetsDefinition:
    """An asset in place of the capture that leaves one flipped byte in a shard."""

    @asset(name="rollout_capture", partitions_def=scenarios, deps=["scenario"])
    def capture() -> None:
        shutil.copytree(source / SCENARIO / "rollout_capture", store / SCENARIO / "rollout_capture")
        shard = next((store / SCENARIO / "rollout_capture").glob("steps-*.parquet"))
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 1
        shard.write_bytes(content)

    return capture


def faulty_training(store: Path, source: Path, spoil: str) -> AssetsDefinition:
    """Assets in place of the training that damage the ``log`` or the ``weights`` of a good one."""

    @multi_asset(
        name="train_policy",
        partitions_def=scenarios,
        specs=[
            AssetSpec("trained_policy", deps=["scenario", "replay_manifest"]),
            AssetSpec("ppo_telemetry", deps=["scenario", "replay_manifest"]),
        ],
    )
    def train() -> tuple[MaterializeResult[None], MaterializeResult[None]]:
        for name in ("trained_policy", "ppo_telemetry"):
            shutil.copytree(source / SCENARIO / name, store / SCENARIO / name)
        if spoil == "log":
            log = store / SCENARIO / "ppo_telemetry" / "ppo_telemetry.jsonl"
            lines = log.read_text().splitlines()
            lines[1] = json.dumps({**json.loads(lines[1]), "kl_divergence": float("nan")})
            log.write_text("\n".join(lines) + "\n")
        else:
            put_nan_into_the_weights(store / SCENARIO / "trained_policy")
        return MaterializeResult(asset_key="trained_policy"), MaterializeResult(asset_key="ppo_telemetry")

    return train


def put_nan_into_the_weights(policy: Path) -> None:
    """Damage one weight, and make the card agree with the damaged file, so that only the number is wrong."""
    from safetensors import torch as safetensors_torch

    from townlet.files.storage import sha256

    weights = safetensors_torch.load_file(policy / "policy.safetensors")
    weights[sorted(weights)[0]].view(-1)[0] = float("nan")
    content = safetensors_torch.save(weights)
    (policy / "policy.safetensors").write_bytes(content)
    card = json.loads((policy / "policy.json").read_text())
    (policy / "policy.json").write_text(json.dumps({**card, "sha256": sha256(content), "size": len(content)}))


def test_a_flipped_byte_in_a_shard_stops_everything_after_the_capture(
    instance: DagsterInstance, whole_store: Path, tmp_path: Path
) -> None:
    result = run_column(instance, tmp_path, replaced=[faulty_capture(tmp_path, whole_store)])
    assert not result.success
    assert "SHA-256" in failed_checks(result)["capture_integrity"]
    assert materialized(result).keys() == {"scenario", "rollout_capture"}
    assert not (tmp_path / SCENARIO / "trained_policy").exists()


def test_a_nan_in_the_log_stops_everything_after_the_training(
    instance: DagsterInstance, whole_store: Path, tmp_path: Path
) -> None:
    result = run_column(instance, tmp_path, replaced=[faulty_training(tmp_path, whole_store, "log")])
    assert not result.success
    assert "line 2: kl_divergence: found NaN" in failed_checks(result)["telemetry_schema"]
    assert not DOWNSTREAM & materialized(result).keys()


def test_a_nan_among_the_weights_stops_everything_after_the_training(
    instance: DagsterInstance, whole_store: Path, tmp_path: Path
) -> None:
    result = run_column(instance, tmp_path, replaced=[faulty_training(tmp_path, whole_store, "weights")])
    assert not result.success
    assert "NaN or infinite" in failed_checks(result)["finite_weights"]
    assert not DOWNSTREAM & materialized(result).keys()


def test_training_refuses_a_capture_that_changed_after_it_was_verified(instance: DagsterInstance, store: Path) -> None:
    manifest = store / SCENARIO / "rollout_capture" / "rollout_sample_manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed"', '"seed" '))
    policy = (store / SCENARIO / "trained_policy" / "policy.safetensors").read_bytes()
    result = run_column(instance, store, selection=AssetSelection.assets("trained_policy", "ppo_telemetry"))
    assert "which was verified (materialize replay_manifest)" in reasons(result)["train_policy"]
    assert (store / SCENARIO / "trained_policy" / "policy.safetensors").read_bytes() == policy


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("learning_rate", 5.0, "training options: ppo.learning_rate: found 5.0, expected less than or equal to 1"),
        ("cycles", 0, "training options: cycles: found 0, expected greater than or equal to 1"),
    ],
)
def test_an_impossible_option_is_refused_before_any_training(
    instance: DagsterInstance, store: Path, option: str, value: float, reason: str
) -> None:
    before = (store / SCENARIO / "ppo_telemetry" / "ppo_telemetry.jsonl").read_bytes()
    selection = AssetSelection.assets("trained_policy", "ppo_telemetry")
    result = run_column(instance, store, selection=selection, **{option: value})
    assert reason in reasons(result)["train_policy"]
    assert (store / SCENARIO / "ppo_telemetry" / "ppo_telemetry.jsonl").read_bytes() == before


def test_an_impossible_amount_to_simulate_is_refused_before_anything_is_captured(
    instance: DagsterInstance, store: Path
) -> None:
    result = run_column(instance, store, simulator=SimulatorResource(worlds=0))
    assert "--worlds: found 0, expected" in reasons(result)["rollout_capture"]
    assert set(materialized(result)) == {"scenario"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The scenario file of a project of its own, in which it can be edited."""
    folder = tmp_path / "project" / "configs" / "scenarios"
    folder.mkdir(parents=True)
    shutil.copy(scenario_file(SCENARIO), folder)
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path / "project"))
    return folder / f"{SCENARIO}.yaml"


def test_a_faulty_scenario_file_fails_with_its_line_and_is_not_tried_again(
    instance: DagsterInstance, project: Path, store: Path
) -> None:
    project.write_text(project.read_text().replace("width: 5", "width: wide"))
    copy = (store / SCENARIO / "scenario" / f"{SCENARIO}.yaml").read_bytes()
    result = run_column(instance, store)
    assert "map.width (line 8): found 'wide'" in reasons(result)["scenario"]
    assert materialized(result) == {}
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    assert (store / SCENARIO / "scenario" / f"{SCENARIO}.yaml").read_bytes() == copy


def test_alerts_and_an_edited_file_warn_and_let_the_report_be_made(
    instance: DagsterInstance, project: Path, store: Path
) -> None:
    content = yaml.safe_load(project.read_text())
    content["telemetry"] = {"thresholds": {"queue_events_min": 3}}
    project.write_text(yaml.safe_dump(content))
    assert run_column(instance, store).success
    project.write_text(yaml.safe_dump({**content, "seed": 99}))
    everything = AssetSelection.assets("telemetry_alerts", "summary_report").upstream() - AssetSelection.assets(
        "scenario"
    )
    alone = AssetSelection.checks_for_assets("scenario")
    result = run_column(instance, store, selection=everything | alone)
    assert result.success
    failed = failed_checks(result)
    assert failed.keys() == {"within_thresholds", "scenario_unchanged"}
    assert failed["within_thresholds"] == "queue_conflict_events 0 in epoch 1 and in 3 later, expected at least 3"
    assert "materialize this asset" in failed["scenario_unchanged"]
    assert "summary_report" in materialized(result)


def test_a_divergence_is_a_failure_that_says_where_and_is_not_tried_again() -> None:
    with pytest.raises(Failure) as raised, training_failures():
        raise TrainingDiverged.at(3, 2, "loss_value", float("nan"), "reward is not finite in 1 of 8 agent-steps")
    assert raised.value.description == (
        "the training diverged: epoch 3, minibatch 2: loss_value is nan; reward is not finite in 1 of 8 agent-steps"
    )
    assert not raised.value.allow_retries


def test_a_failure_lists_every_fault_of_the_input() -> None:
    faults = [Fault("a.yaml", "ticks", "0", "at least 1"), Fault("a.yaml", "", "", "a name")]
    with pytest.raises(Failure) as raised, readable_failures():
        raise InputError(faults)
    assert raised.value.description == "a.yaml: ticks: found 0, expected at least 1\na.yaml: expected a name"
    table = raised.value.metadata["faults"]
    assert isinstance(table, TableMetadataValue)
    assert [row.data["where"] for row in table.records] == ["ticks", ""]
