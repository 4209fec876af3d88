"""Resumption from a checkpoint: refusals, and files that must not change."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.numpy import load, save
from support.left_behind import outputs
from support.small_trainings import SMALL, on_file, options_of, run, steady_queue

from townlet.capture import capture_rollout
from townlet.cli import main
from townlet.config import Scenario, load_scenario
from townlet.config.training import TrainingConfig
from townlet.errors import InputError
from townlet.files.storage import exclusive_file
from townlet.telemetry import validate_log
from townlet.training.checkpoint import CHECKPOINT_NAME, read_checkpoint


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return steady_queue(tmp_path_factory.mktemp("scenario"))


@pytest.fixture(scope="module")
def scenario(queue: Path) -> Scenario:
    return load_scenario(queue)


@pytest.fixture(scope="module")
def finished(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished training; tests must not change it."""
    folder = tmp_path_factory.mktemp("trainings") / "finished"
    run(scenario, folder)
    return folder


@pytest.fixture
def trained(finished: Path, tmp_path: Path) -> Path:
    """A copy of that folder, which tests may change."""
    return Path(shutil.copytree(finished, tmp_path / "trained"))


def test_without_a_checkpoint_a_resumption_begins_the_training(scenario: Scenario, tmp_path: Path) -> None:
    result = run(scenario, tmp_path / "resumed", resume=True)
    assert (result.attempt, result.resumed_epoch, result.updates_lost) == (1, None, 0)
    run(scenario, tmp_path / "begun")
    assert outputs(tmp_path / "resumed") == outputs(tmp_path / "begun")


def test_a_finished_training_has_nothing_left_to_do_and_stays_as_it_is(
    queue: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = on_file(finished)
    assert main(["train", str(queue), "--output", str(finished), "--resume", *options_of(**SMALL)]) == 0
    assert "nothing left to do" in capsys.readouterr().out
    assert on_file(finished) == before


def test_a_finished_training_with_another_log_is_refused(
    queue: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = on_file(finished)
    other = tmp_path / "other.jsonl"
    words = ["--output", str(finished), "--resume", "--ppo-log", str(other), *options_of(**SMALL)]
    assert main(["train", str(queue), *words]) == 2
    assert str(other) in capsys.readouterr().err
    assert on_file(finished) == before and not other.exists()


def test_a_finished_training_whose_policy_was_not_written_yet_writes_it(scenario: Scenario, trained: Path) -> None:
    before = outputs(trained)
    (trained / "policy.json").unlink()
    assert not run(scenario, trained, resume=True).already_done
    assert outputs(trained) == before


def test_more_cycles_continue_to_the_bytes_of_a_training_of_that_length(
    scenario: Scenario, trained: Path, tmp_path: Path
) -> None:
    result = run(scenario, trained, resume=True, cycles=5)
    assert (result.attempt, result.resumed_epoch, result.epochs) == (2, 4, 10)
    whole = run(scenario, tmp_path / "whole", cycles=5)
    assert outputs(trained) == outputs(tmp_path / "whole")
    assert (result.first_reward_mean, result.last_reward_mean) == (whole.first_reward_mean, whole.last_reward_mean)


def test_what_was_done_after_the_last_checkpoint_is_counted_as_lost_outside_the_outputs(
    queue: Path, scenario: Scenario, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(fields: dict[str, Any]) -> None:
        if fields["epoch"] == 8:
            raise KeyboardInterrupt

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(scenario, whole, cycles=6)
    with pytest.raises(KeyboardInterrupt, match="after epoch 4, is"):
        run(scenario, broken, cycles=6, checkpoint_every=2, progress=interrupt)
    lost = sum(record["updates"] for record in validate_log(whole / "ppo_telemetry.jsonl").records[4:8])
    command = ["train", str(queue), "--output", str(broken), "--resume", *options_of(**(SMALL | {"cycles": 6}))]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert f"attempt 2 resumed after epoch 4; {lost} optimizer steps of earlier attempts were lost" in said
    assert json.loads((broken / "attempts.json").read_text()) == {"attempt": 2, "updates_lost": lost}
    assert outputs(broken) == outputs(whole)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 1}, "training.seed: found 0, expected 1, as the options say now"),
        ({"worlds": 5}, "training.worlds: found 4, expected 5"),
        ({"rollout_ticks": 21}, "training.rollout_ticks: found 20, expected 21"),
        ({"epochs": 3}, "training.epochs: found 2, expected 3"),
        ({"log_frequency": 2}, "log.frequency: found 1, expected 2"),
        ({"log_max_entries": 9}, "log.max_entries: found null, expected 9"),
        ({"cycles": 1}, "cycles: found 1, expected at least 2: so many are done"),
    ],
)
def test_a_resumption_with_other_options_is_refused_by_name_and_changes_nothing(
    scenario: Scenario, finished: Path, changed: dict[str, Any], message: str
) -> None:
    before = on_file(finished)
    with pytest.raises(InputError) as refused:
        run(scenario, finished, resume=True, **changed)
    assert message in str(refused.value)
    assert on_file(finished) == before


def test_another_town_network_or_constant_is_refused_by_name(scenario: Scenario, finished: Path) -> None:
    def message(**update: Any) -> str:
        with pytest.raises(InputError) as refused:
            run(scenario.model_copy(update=update), finished, resume=True)
        return str(refused.value)

    rules = scenario.rules.model_copy(update={"queue": scenario.rules.queue.model_copy(update={"cooldown_ticks": 99})})
    assert "scenario.rules.queue.cooldown_ticks: found" in message(rules=rules)
    people = dict(reversed(scenario.people.items()))
    assert "scenario.town_sha256: found" in message(people=people)
    training = TrainingConfig.model_validate(
        {"network": {"hidden": [16]}, "ppo": {"learning_rate": 0.002, "lr_schedule": "linear"}}
    )
    said = message(training=training)
    assert "training.network.hidden: found [128, 128], expected [16]" in said
    assert "training.ppo.learning_rate: found 0.001, expected 0.002" in said


def test_a_schedule_over_the_whole_training_forbids_more_cycles(scenario: Scenario, tmp_path: Path) -> None:
    training = scenario.training.model_copy(
        update={"ppo": scenario.training.ppo.model_copy(update={"lr_schedule": "linear"})}
    )
    falling = scenario.model_copy(update={"training": training})
    run(falling, tmp_path)
    with pytest.raises(InputError, match="cycles_spanned_by_schedules: found 2, expected 3"):
        run(falling, tmp_path, resume=True, cycles=3)


def test_another_mode_or_capture_is_refused(queue: Path, scenario: Scenario, tmp_path: Path) -> None:
    one, two = (
        Path(capture_rollout(queue, tmp_path / f"{worlds}", worlds=worlds, behavior="random").manifest_path)
        for worlds in (1, 2)
    )
    output = tmp_path / "trained"
    run(scenario, output, mode="replay", replay_manifest=one)
    with pytest.raises(InputError, match='mode: found "replay", expected "mixed"'):
        run(scenario, output, mode="mixed", replay_manifest=one, resume=True)
    with pytest.raises(InputError, match="replay_manifest_sha256: found"):
        run(scenario, output, mode="replay", replay_manifest=two, resume=True)


def test_other_code_is_refused(scenario: Scenario, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "9.9")
    expected = 'expected "9.9", of the present code: other code may give other bytes'
    with pytest.raises(InputError, match=r"code\.torch: found .*, " + re.escape(expected)):
        run(scenario, finished, resume=True)


def refusal(queue: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The message of a resumption that must be refused and change nothing."""
    before = on_file(trained)
    options = SMALL | {"cycles": 3}
    assert main(["train", str(queue), "--output", str(trained), "--resume", *options_of(**options)]) == 2
    assert on_file(trained) == before
    said = capsys.readouterr()
    assert not said.out
    assert all(line.startswith("error: ") for line in said.err.splitlines())
    return said.err


def test_a_truncated_or_altered_checkpoint_is_refused(
    queue: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = trained / CHECKPOINT_NAME
    whole, chance = checkpoint.read_bytes(), random.Random(0)
    for kept in (0, 7, 8, 1000, len(whole) // 2, len(whole) - 1):
        checkpoint.write_bytes(whole[:kept])
        assert f"error: {checkpoint}: found a damaged file" in refusal(queue, trained, capsys)
    header = 8 + int.from_bytes(whole[:8], "little")
    for place in (*chance.sample(range(header), 40), *chance.sample(range(header, len(whole)), 40)):
        altered = bytearray(whole)
        altered[place] ^= 1 << chance.randrange(5)
        checkpoint.write_bytes(altered)
        assert f"error: {checkpoint}: " in refusal(queue, trained, capsys)
    checkpoint.write_bytes(whole)
    assert read_checkpoint(trained) is not None


def test_a_checkpoint_of_another_version_or_kind_is_refused(
    queue: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = trained / CHECKPOINT_NAME
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole.replace(rb"\"version\":1,", rb"\"version\":2,", 1))
    assert "version: found 2, expected 1, the only one that this Townlet reads" in refusal(queue, trained, capsys)
    checkpoint.write_bytes(save(load(whole)))
    assert "one of another kind" in refusal(queue, trained, capsys)
    checkpoint.write_bytes((trained / "policy.safetensors").read_bytes())
    assert "one of another kind" in refusal(queue, trained, capsys)


def test_a_log_that_is_missing_short_or_of_another_training_is_refused(
    queue: Path, scenario: Scenario, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = trained / "ppo_telemetry.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:3]))
    assert "found a log that ends at line 3, expected line 4" in refusal(queue, trained, capsys)
    other = run(scenario, tmp_path / "other", seed=5, cycles=4).log
    log.write_bytes(other.read_bytes())
    assert "line 4: found a record of another training" in refusal(queue, trained, capsys)
    log.unlink()
    assert "ppo_telemetry.jsonl: found no such file" in refusal(queue, trained, capsys)


def test_damaged_counts_of_attempts_are_refused(queue: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (trained / "attempts.json").write_text('{"attempt": 0}')
    assert "attempts.json: attempt: found 0" in refusal(queue, trained, capsys)


def test_two_trainings_cannot_write_one_log(scenario: Scenario, tmp_path: Path) -> None:
    log = tmp_path / "shared.jsonl"
    with exclusive_file(log), pytest.raises(InputError, match=r"shared.jsonl: found another process writing"):
        run(scenario, tmp_path / "output", ppo_log=log)
    assert not log.exists()
    run(scenario, tmp_path / "output", ppo_log=log)
    assert validate_log(log).valid
