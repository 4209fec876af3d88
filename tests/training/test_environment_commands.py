"""``townlet train --env`` and ``townlet evaluate --env``: what they write, print and refuse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.own_environments import Dice
from support.places import QUEUE_CONFLICT, TESTS
from support.small_trainings import on_file, options_of

from townlet.cli import main
from townlet.errors import InputError
from townlet.telemetry import read_records, summarize
from townlet.training import TrainingOptions, train_env
from townlet.training.environment import evaluate_in_environment, find_environment, load_settings

SMALL = {"worlds": 4, "rollout_ticks": 50, "epochs": 2, "cycles": 4}
OWN = str(TESTS / "support" / "own_environments.py")


def command(*words: object, **options: Any) -> int:
    return main(["train", *map(str, words), *options_of(**(SMALL | options))])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training in CartPole; tests must not change it."""
    folder = tmp_path_factory.mktemp("trained") / "cart_pole"
    assert command("--env", "CartPole-v1", "--output", folder, "--env-option", "sutton_barto_reward=false") == 0
    return folder


def test_the_card_says_what_the_policy_was_trained_in(trained: Path) -> None:
    card = json.loads((trained / "policy.json").read_text())
    environment = card["provenance"]["environment"]
    assert environment["name"] == "CartPole-v1" and environment["options"] == {"sutton_barto_reward": False}
    assert environment["interface"] == "gymnasium" and environment["package"].startswith("gymnasium ")
    assert len(environment["source_sha256"]) == 64
    assert [feature["name"] for feature in card["observation"]] == [f"feature {index}" for index in range(4)]
    assert card["actions"] == ["0", "1"] and card["observation"][0]["high"] == pytest.approx(4.8)


def test_the_log_is_valid_and_shows_returns_in_place_of_what_only_a_town_has(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = trained / "ppo_telemetry.jsonl"
    records = read_records(log)
    assert len(records) == 8 and {record["environment.name"] for record in records} == {"CartPole-v1"}
    assert all(record["queue_conflict_events"] == record["conflict.rivalry_max_mean_avg"] == 0.0 for record in records)
    summary = summarize(records)
    found = summary.metric("environment.return_mean")
    assert found is not None and found.latest == records[-1]["environment.return_mean"] > 10.0
    assert not [
        metric.name for metric in summary.metrics if metric.name.endswith("_events") or "rivalry" in metric.name
    ]
    assert main(["validate", str(log)]) == main(["summary", str(log)]) == 0
    said = capsys.readouterr().out
    assert "environment.return_mean" in said and "mean undiscounted return" in said and "rivalry" not in said
    assert main(["watch", str(log)]) == 0
    assert f"return {records[-1]['environment.return_mean']:.4g}" in capsys.readouterr().out


def test_its_lineage_ends_at_the_policy(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(trained, tmp_path / "copy")
    options = ["--env", "CartPole-v1", "--episodes", "3", "--output", str(folder / "evaluation.json")]
    assert main(["evaluate", str(folder), *options]) == 0
    for name in ("policy.json", "policy.safetensors", "evaluation.json"):
        assert main(["lineage", str(folder / name)]) == 0
        assert "its environment is not a town" in capsys.readouterr().out
    (folder / "policy.safetensors").write_bytes(b"other")
    assert main(["lineage", str(folder / "evaluation.json")]) == 1


def test_an_evaluation_plays_each_behaviour_once_in_each_episode(trained: Path, tmp_path: Path) -> None:
    output = tmp_path / "evaluation.json"
    command = ["evaluate", str(trained), "--env", "CartPole-v1", "--episodes", "37", "--output", str(output)]
    assert main(command) == 0
    result = json.loads(output.read_text())
    for who in ("policy", "random"):
        # Each step of CartPole earns 1.
        assert result["values"][who]["return"] == result["values"][who]["steps"]
        assert len(set(result["values"][who]["steps"])) > 10 and len(result["values"][who]["steps"]) == 37
    assert result["returns"]["policy"]["mean"] > result["returns"]["random"]["mean"]
    again = evaluate_in_environment(trained, "CartPole-v1", episodes=37)
    assert again == result


def test_an_environment_in_a_file_or_a_class_gives_the_same_policy(tmp_path: Path) -> None:
    for folder, env in (("file", f"{OWN}:Dice"), ("module", "support.own_environments:Dice")):
        assert command("--env", env, "--env-option", "sides=8", "--output", tmp_path / folder) == 0
    train_env(Dice, tmp_path / "class", env_options={"sides": 8}, **SMALL)
    weights = {(tmp_path / name / "policy.safetensors").read_bytes() for name in ("file", "module", "class")}
    assert len(weights) == 1
    train_env(Dice, tmp_path / "other", **SMALL)
    assert (tmp_path / "other" / "policy.safetensors").read_bytes() not in weights


def test_a_training_goes_on_from_a_policy_of_the_same_spaces_alone(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "tuned"
    assert command("--env", "CartPole-v1", "--from", trained, "--output", output) == 0
    parents = json.loads((output / "policy.json").read_text())["provenance"]["parents"]
    assert parents == {"initial_policy_sha256": json.loads((trained / "policy.json").read_text())["sha256"]}
    assert command("--env", "Acrobot-v1", "--from", trained, "--output", tmp_path / "none") == 2
    assert "observation: found 4 features, expected 6, as in Acrobot-v1" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_settings_replace_single_defaults_and_lines_name_faults(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("training:\n  ppo: {gamma: 0.9}\n  worlds: 3\noptions: {sides: 9}\n")
    found, default = load_settings(file), load_settings(None)
    assert (found.training.ppo.gamma, found.training.worlds, found.options) == (0.9, 3, {"sides": 9})
    assert found.training.ppo.minibatch_size == default.training.ppo.minibatch_size != 2048
    assert found.training.network == default.training.network
    file.write_text(
        "training:\n  handover: {script: heuristic}\n  network:\n    commitment_ticks: 5\n  towns: {count: 3}\n"
    )
    with pytest.raises(InputError) as refused:
        load_settings(file)
    assert [fault.where for fault in refused.value.faults] == [
        "training.towns (line 5)",
        "training.handover (line 2)",
        "training.network.commitment_ticks (line 4)",
    ]
    file.write_text("training:\n  wolds: 3\n")
    with pytest.raises(InputError, match=r"training.wolds \(line 2\): found unknown key .*did you mean 'worlds'"):
        load_settings(file)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "found neither a scenario nor --env, expected a scenario's file, or --env NAME"),
        ([QUEUE_CONFLICT, "--env", "CartPole-v1"], "scenario: found"),
        ([QUEUE_CONFLICT, "--env-option", "a=1"], "--env-option: found a=1, expected none without --env"),
        (["--env", "CartPole-v1", "--mode", "replay"], "mode: found replay, expected rollout"),
        (["--env", "CartPole-v1", "--replay-manifest", "m.json"], "expected none: mode rollout replays nothing"),
        (["--env", "CartPole-v1", "--env-option", "sides"], "--env-option: found 'sides', expected KEY=VALUE"),
        (["--env", "CartPole-v1", "--env-option", "a=[1"], "--env-option a"),
        (
            ["--env", "CartPole-v1", "--env-option", "a=1", "--env-option", "a=2"],
            "found a a second time, expected once",
        ),
        (["--env", "Pendulum-v1"], "action_space: found Box(-2.0, 2.0, (1,), float32), expected Discrete"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    words: list[object], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*words, "--output", tmp_path / "out") == 2
    assert message in capsys.readouterr().err
    assert not on_file(tmp_path)


def test_an_evaluation_with_the_options_of_a_town_is_refused(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        (["--env", "CartPole-v1", "--scenario", str(QUEUE_CONFLICT)], "scenario: found"),
        (["--env", "CartPole-v1", "--worlds", "5"], "--worlds: found 5, expected none with --env"),
        (["--env", "CartPole-v1", "--episodes", "1"], "--episodes: found 1, expected at least 2"),
        (["--env", "CartPole-v1", "--seed", "0"], "--seed: found 0, expected a seed that the policy was not trained"),
        (["--env", "Taxi-v4"], "observation: found 4 features, expected 500, as in Taxi-v4"),
        (["--scenario", str(QUEUE_CONFLICT), "--episodes", "5"], "--episodes: found 5, expected none without --env"),
        ([], "neither a scenario nor --env"),
    ):
        assert main(["evaluate", str(trained), *words]) == 2
        assert message in capsys.readouterr().err


def test_the_harness_learns_a_cart_pole_well_beyond_chance(tmp_path: Path) -> None:
    train_env("CartPole-v1", tmp_path, cycles=40)
    result = evaluate_in_environment(tmp_path, find_environment("CartPole-v1"), episodes=20)
    assert result["returns"]["policy"]["low"] > 150 > 50 > result["returns"]["random"]["high"]


def test_python_options_are_those_of_a_training() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'wolds'"):
        train_env(Dice, "never", wolds=3)
    assert TrainingOptions(mode="rollout", output="never").planned_epochs(load_settings(None).training) == 1200


def test_set_replaces_values_of_the_file_and_of_the_defaults_by_the_same_checks(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("training: {ppo: {gamma: 0.95, clip_epsilon: 0.1}}\n")
    found = load_settings(file, ["ppo.gamma=0.9", "seed=3", "network.hidden=[8]", "reward_scale=2", "options.size=4"])
    ppo = found.training.ppo
    assert (ppo.gamma, ppo.clip_epsilon, ppo.minibatch_size) == (0.9, 0.1, 256)
    assert (found.training.seed, found.training.network.hidden) == (3, (8,))
    assert (found.reward_scale, found.options) == (2.0, {"size": 4})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "ppo.gama=0.9"], "error: --set: ppo.gama: found unknown key 'gama', expected one of"),
        (
            ["--set", "towns.count=2"],
            "error: --set: training.towns: found a mapping with count, expected nothing",
        ),
        (
            ["--set", "rules.queue.cooldown_ticks=2"],
            "error: --set: rules.queue.cooldown_ticks: found unknown key",
        ),
        (
            ["--set", "cycles=2", "--cycles", "3"],
            "cycles: found 3 beside --set training.cycles=2, expected one of them",
        ),
    ],
)
def test_a_wrong_setting_of_an_environment_is_refused(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--env", "CartPole-v1", *words, "--output", str(tmp_path / "policy")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "policy").exists()
