"""Whole trainings, from scenario and capture on disk to policy and log on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.places import SCENARIOS

from townlet.behavior.policy_file import load_policy
from townlet.capture import capture_rollout
from townlet.config import Scenario, load_scenario
from townlet.errors import InputError
from townlet.files.storage import exclusive, sha256
from townlet.telemetry import CLOCK_FIELDS, validate_log
from townlet.training import TrainingOptions, TrainingResult, train

QUEUE = SCENARIOS / "queue_conflict.yaml"
SMALL: dict[str, Any] = {"worlds": 4, "rollout_ticks": 20, "epochs": 2, "cycles": 2}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(QUEUE)


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(capture_rollout(QUEUE, tmp_path_factory.mktemp("scripted"), worlds=2).manifest_path)


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = capture_rollout(QUEUE, tmp_path_factory.mktemp("random"), worlds=4, behavior="random")
    return Path(result.manifest_path)


def run(
    scenario: Scenario,
    output: Path,
    mode: str,
    progress: Callable[[dict[str, Any]], None] | None = None,
    **options: Any,
) -> tuple[TrainingResult, list[dict[str, Any]]]:
    result = train(scenario, TrainingOptions(mode=mode, output=output, **(SMALL | options)), progress)
    validation = validate_log(result.log)
    assert validation.valid
    return result, list(validation.records)


def fault_of(scenario: Scenario, output: Path, **options: Any) -> str:
    """The message of a training that is refused; it must not write anything."""
    with pytest.raises(InputError) as caught:
        train(scenario, TrainingOptions(output=output, **(SMALL | {"mode": "rollout"} | options)))
    assert not output.exists()
    return str(caught.value)


def test_a_rollout_training_writes_a_policy_that_names_its_origin_and_a_valid_log(
    scenario: Scenario, tmp_path: Path
) -> None:
    result, records = run(scenario, tmp_path, "rollout")
    _, card = load_policy(result.policy)
    assert card.sha256 == result.sha256 == sha256((tmp_path / "policy.safetensors").read_bytes())
    assert card.provenance["scenario"] == "queue_conflict"
    assert card.provenance["config_sha256"] == scenario.digest
    assert card.provenance["agent_steps"] == result.steps == records[-1]["steps"]
    assert card.provenance["parents"] == {}
    assert result.epochs == len(records) == 4
    assert result.first_reward_mean == records[0]["reward_mean"]
    assert result.last_reward_mean == records[-1]["reward_mean"]
    assert not any(name.startswith("baseline_") for name in records[0])


def test_replaying_a_script_clones_it_and_compares_with_its_baseline(
    scenario: Scenario, scripted: Path, tmp_path: Path
) -> None:
    result, records = run(scenario, tmp_path, "replay", replay_manifest=scripted)
    metrics = json.loads((scripted.parent / "rollout_sample_metrics.json").read_text())
    for record in records:
        assert (record["data_mode"], record["replay_method"]) == ("replay", "cloning")
        assert record["cycle_id"] == record["rollout_ticks"] == 0
        assert record["baseline_reward_mean"] == metrics["baseline"]["reward_mean"]
        assert record["queue_conflict_events"] > 0
    assert records[-1]["cloning_accuracy"] > records[0]["cloning_accuracy"]
    assert load_policy(result.policy)[1].provenance["parents"] == {
        "replay_manifest_sha256": sha256(scripted.read_bytes()),
        "replay_policy_sha256": None,
    }


def test_mixed_training_replays_before_each_rollout(scenario: Scenario, random: Path, tmp_path: Path) -> None:
    _, records = run(scenario, tmp_path, "mixed", replay_manifest=random)
    phases = [(record["data_mode"], record["cycle_id"], record["rollout_ticks"]) for record in records]
    assert phases[::2] == phases[1::2]
    assert phases[::2] == [("replay", 0, 0), ("rollout", 1, 20), ("replay", 1, 0), ("rollout", 2, 20)]
    assert [record["replay_method"] for record in records[::2]] == ["vtrace", "none", "vtrace", "none"]
    assert [record["epoch"] for record in records] == list(range(1, 9))
    assert all("baseline_reward_mean" in record for record in records)
    assert 0.0 < records[0]["effective_sample_share"] <= 1.0


def test_a_capture_of_a_trained_policy_can_be_replayed_and_is_named_as_parent(
    scenario: Scenario, tmp_path: Path
) -> None:
    parent, _ = run(scenario, tmp_path / "parent", "rollout")
    capture = capture_rollout(QUEUE, tmp_path / "capture", worlds=2, policy=parent.policy)
    child, records = run(scenario, tmp_path / "child", "replay", replay_manifest=capture.manifest_path)
    assert records[0]["replay_method"] == "vtrace"
    assert load_policy(child.policy)[1].provenance["parents"]["replay_policy_sha256"] == parent.sha256  # type: ignore[index, call-overload]


@pytest.mark.parametrize("mode", ["rollout", "mixed"])
def test_equal_seeds_give_equal_files(scenario: Scenario, scripted: Path, tmp_path: Path, mode: str) -> None:
    options = {"replay_manifest": scripted} if mode == "mixed" else {}
    (_, first), (_, again) = (run(scenario, tmp_path / name, mode, **options) for name in "ab")
    for name in ("policy.safetensors", "policy.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    for one, other in zip(first, again, strict=True):
        assert {k: v for k, v in one.items() if k not in CLOCK_FIELDS} == {
            k: v for k, v in other.items() if k not in CLOCK_FIELDS
        }
    other_seed, _ = run(scenario, tmp_path / "c", mode, seed=9, **options)
    assert other_seed.sha256 != sha256((tmp_path / "a" / "policy.safetensors").read_bytes())


def test_progress_reports_every_epoch_and_the_log_only_the_chosen_ones(scenario: Scenario, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    log = tmp_path / "logs" / "mine.jsonl"
    result, records = run(
        scenario, tmp_path / "out", "rollout", epochs=3, ppo_log=log, log_frequency=2, progress=seen.append
    )
    assert result.log == log
    assert [fields["epoch"] for fields in seen] == [1, 2, 3, 4, 5, 6]
    assert [record["epoch"] for record in records] == [1, 3, 5]


def test_a_full_log_is_rotated(scenario: Scenario, tmp_path: Path) -> None:
    result, records = run(scenario, tmp_path, "rollout", log_max_entries=3)
    assert result.log.with_name(f"{result.log.name}.1").exists()
    assert [record["log_stream_offset"] for record in records] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"mode": "rolout"},
            "mode: found 'rolout', expected one of mixed, replay, rollout; did you mean 'rollout'?",
        ),
        ({"mode": "replay"}, "replay_manifest: found nothing, expected a capture's manifest for mode replay"),
        ({"mode": "mixed"}, "replay_manifest: found nothing, expected a capture's manifest for mode mixed"),
        ({"replay_manifest": "x.json"}, "replay_manifest: found x.json, expected none"),
        ({"mode": "replay", "replay_manifest": "nowhere.json"}, "nowhere.json: found no such file"),
        ({"epochs": 0}, "epochs: found 0, expected greater than or equal to 1"),
        ({"rollout_ticks": -5}, "rollout_ticks: found -5"),
        ({"cycles": 0, "worlds": 0}, "worlds: found 0"),
        ({"seed": -1}, "seed: found -1"),
        ({"log_frequency": 0}, "log_frequency: found 0, expected at least 1"),
        ({"log_max_entries": 0}, "log_max_entries: found 0, expected at least 1"),
        (
            {"ppo_log": "memory://bucket/log.jsonl"},
            "ppo_log: found memory://bucket/log.jsonl, expected a local file",
        ),
    ],
)
def test_unusable_options_are_named_and_nothing_is_written(
    scenario: Scenario, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    assert message in fault_of(scenario, tmp_path / "out", **options)


def test_a_folder_in_use_is_refused(scenario: Scenario, tmp_path: Path) -> None:
    with exclusive(tmp_path), pytest.raises(InputError, match="another process writing here"):
        train(scenario, TrainingOptions(mode="rollout", output=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
