"""Kills: a training that was killed and resumed, however often, leaves the bytes of an uninterrupted one."""

from __future__ import annotations

import random
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.killed_trainings import Trainings, trainings
from support.left_behind import outputs
from support.places import QUEUE_CONFLICT

from townlet.capture import capture_rollout
from townlet.training.checkpoint import read_checkpoint

QUEUE = QUEUE_CONFLICT
SMALL = {"worlds": 4, "rollout_ticks": 20, "epochs": 2, "cycles": 6}
POLICY = ("policy.safetensors", "policy.json")

#: Training sections with state that a resumption could get wrong.
SECTIONS = {
    "plain": "",
    "schedules": "  threads: 2\n  ppo: {lr_schedule: linear, entropy_schedule: linear, target_kl: 0.01}\n",
    "joint": "  replay: {mixing: joint, segment_ticks: 5}\n",
    "handover": "  handover: {script: scripted, steps: 2, accuracy_margin: 0.0, reward_margin: 10.0}\n",
}


@pytest.fixture(scope="module")
def processes() -> Iterator[Trainings]:
    with trainings() as server:
        yield server


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = capture_rollout(QUEUE, tmp_path_factory.mktemp("random"), worlds=4, behavior="random")
    return Path(result.manifest_path)


def scenario_with(folder: Path, section: str) -> Path:
    path = folder / "scenario" / QUEUE.name
    path.parent.mkdir()
    # A section must not be there twice.
    text = re.sub(r"  ppo: \{.*\}\n", "", QUEUE.read_text())
    path.write_text(text.replace("\ntraining:\n", f"\ntraining:\n{SECTIONS[section]}"))
    return path


def command(scenario: Path, output: Path, options: dict[str, Any]) -> list[object]:
    named = ((f"--{name.replace('_', '-')}", value) for name, value in options.items())
    return [scenario, "--output", output, "--resume", *(word for option in named for word in option)]


@pytest.mark.parametrize(
    ("mode", "section", "options"),
    [
        ("rollout", "plain", {"checkpoint_every": 1}),
        ("replay", "plain", {"checkpoint_every": 1}),
        ("mixed", "plain", {"checkpoint_every": 1}),
        ("mixed", "plain", {"checkpoint_every": 3, "ppo_log_max_entries": 5, "ppo_log_frequency": 3}),
        ("mixed", "joint", {"checkpoint_every": 1}),
        ("rollout", "schedules", {"checkpoint_every": 2}),
        ("rollout", "handover", {"checkpoint_every": 1}),
        ("rollout", "plain", {}),
    ],
)
def test_killed_at_random_moments_and_resumed_it_ends_with_the_bytes_of_an_uninterrupted_training(
    processes: Trainings, recorded: Path, tmp_path: Path, mode: str, section: str, options: dict[str, Any]
) -> None:
    scenario = scenario_with(tmp_path, section)
    options = SMALL | {"mode": mode, **options}
    if mode != "rollout":
        options["replay_manifest"] = recorded
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    seconds = 0.0
    # The first run may have to compile.
    for folder in (tmp_path / "first", whole):
        started = time.perf_counter()
        end = processes.run(*command(scenario, folder, options), folder=folder)
        assert end.code == 0, end.errors
        seconds = time.perf_counter() - started

    moments, kills = random.Random(f"{mode} {section}"), 0
    for _ in range(100):
        arguments = command(scenario, killed, options)
        end = processes.run(*arguments, after=moments.uniform(0.0, seconds), folder=killed)
        assert end.code in (0, -signal.SIGKILL), end.errors
        kills += end.code != 0
        if end.code == 0:
            assert outputs(killed) == outputs(whole)
            killed = tmp_path / f"killed after {kills}"
        if kills == 4:
            break
    assert kills == 4
    assert processes.run(*command(scenario, killed, options), folder=killed).code == 0
    assert outputs(killed) == outputs(whole)


@pytest.mark.parametrize("mode", ["rollout", "mixed"])
def test_killed_before_any_of_its_file_operations_it_is_resumed_to_the_same_bytes(
    processes: Trainings, recorded: Path, tmp_path: Path, mode: str
) -> None:
    options: dict[str, Any] = SMALL | {"mode": mode, "cycles": 2, "checkpoint_every": 1, "ppo_log_max_entries": 3}
    if mode == "mixed":
        options["replay_manifest"] = recorded
    whole = tmp_path / "whole"
    end = processes.run(*command(QUEUE, whole, options), folder=whole)
    assert end.code == 0 and end.operations > 30
    resumed_after = set()
    # Mode mixed has twice as many operations, of the same kinds.
    for at in range(1, end.operations + 1, 1 if mode == "rollout" else 5):
        killed = tmp_path / f"killed at {at}"
        arguments = command(QUEUE, killed, options)
        assert processes.run(*arguments, at=at, folder=killed).code == -signal.SIGKILL
        left = read_checkpoint(killed)
        resumed_after.add(left and left.progress.phases)
        # The second attempt is killed as well, while it resumes the first.
        processes.run(*arguments, at=1 + at % 9, folder=killed)
        assert processes.run(*arguments, folder=killed).code == 0
        assert outputs(killed) == outputs(whole)
    assert resumed_after == {None, *range(3 if mode == "rollout" else 5)}


def test_after_ctrl_c_it_says_how_to_resume_and_resumes(processes: Trainings, tmp_path: Path) -> None:
    options = SMALL | {"mode": "rollout", "checkpoint_every": 1, "cycles": 30}
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    started = time.perf_counter()
    assert processes.run(*command(QUEUE, whole, options), folder=whole).code == 0
    moment = (time.perf_counter() - started) / 2
    for _ in range(20):
        end = processes.run(*command(QUEUE, stopped, options), folder=stopped, after=moment, number=signal.SIGINT)
        if "--resume goes on there" in end.errors:
            break
        # The signal came after the training's end, or before its beginning.
        moment *= 0.7 if end.code == 0 else 1.2
        shutil.rmtree(stopped, ignore_errors=True)
    assert end.code == 130
    assert f"is {stopped / 'checkpoint.safetensors'}" in end.errors and "Traceback" not in end.errors
    left = read_checkpoint(stopped)
    assert left is not None and f"after epoch {left.progress.counters['epoch']}," in end.errors
    assert processes.run(*command(QUEUE, stopped, options), folder=stopped).code == 0
    assert outputs(stopped) == outputs(whole)


def test_an_earlier_policy_is_never_lost_nor_left_beside_the_log_of_another_training(
    processes: Trainings, tmp_path: Path
) -> None:
    options: dict[str, Any] = SMALL | {"mode": "rollout", "cycles": 1, "seed": 1}
    before, after = tmp_path / "before", tmp_path / "after"
    for folder, seed in ((before, 1), (after, 2)):
        end = processes.run(*command(QUEUE, folder, options | {"seed": seed}), folder=folder)
        assert end.code == 0
    earlier, later = outputs(before), outputs(after)
    for at in range(1, 100):
        folder = tmp_path / f"killed at {at}"
        shutil.copytree(before, folder)
        anew = [word for word in command(QUEUE, folder, options | {"seed": 2}) if word != "--resume"]
        end = processes.run(*anew, at=at, folder=folder)
        if end.code == 0:
            break
        found = outputs(folder)
        aside = {name.removeprefix("previous/"): found[name] for name in found if name.startswith("previous/")}
        kept = [files for files in (found, aside) if "policy.json" in files]
        assert any(
            all(files[name] == earlier[name] or files[name] == later[name] for name in POLICY) for files in kept
        ), at
        if "policy.json" in found:
            whose = earlier if found["policy.json"] == earlier["policy.json"] else later
            assert all(found[name] == whose[name] for name in (*POLICY, "ppo_telemetry.jsonl"))
    assert 20 < at < 99
    assert outputs(folder) == later


def test_interrupted_at_any_file_operation_it_names_the_checkpoint_that_is_there(
    processes: Trainings, tmp_path: Path
) -> None:
    options = SMALL | {"mode": "rollout", "checkpoint_every": 1, "cycles": 3}
    operations = processes.run(*command(QUEUE, tmp_path / "whole", options), folder=tmp_path / "whole").operations
    named = set()
    # As many operations as the saving of one checkpoint and the phase after it have, and more.
    for at in range(operations // 2, operations // 2 + 14):
        stopped = tmp_path / f"stopped at {at}"
        end = processes.run(*command(QUEUE, stopped, options), folder=stopped, at=at, number=signal.SIGINT)
        assert end.code == 130, end.errors
        left = read_checkpoint(stopped)
        assert left is not None
        if "--resume goes on there" in end.errors:
            assert f"after epoch {left.progress.counters.get('epoch', 0)}," in end.errors
            named.add(left.progress.phases)
        else:
            assert left.progress.phases == 3, "only the policy was still to be saved"
    assert len(named) > 1, "a checkpoint was saved meanwhile"
