"""Kills of trainings of recurrent networks: resumed amid their episodes, they leave the bytes of uninterrupted ones."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from support.killed_trainings import End, Trainings, trainings
from support.left_behind import outputs
from support.places import QUEUE_CONFLICT, ROOT
from support.recurrent import GRU
from support.tiny_soak import tiny_baseline, tiny_scenario

from townlet.training.checkpoint import read_checkpoint

AMOUNTS = ("--rollout-ticks", 20, "--epochs", 1, "--cycles", 5, "--checkpoint-every", 1, "--resume")


@pytest.fixture(scope="module")
def processes() -> Iterator[Trainings]:
    with trainings() as server:
        yield server


def town(folder: Path) -> list[Any]:
    """The arguments of a training in the town, whose episodes are longer than a rollout."""
    content = yaml.safe_load(QUEUE_CONFLICT.read_text())
    content["training"] |= {"network": GRU, "ppo": {"minibatch_size": 64}}
    file = folder / QUEUE_CONFLICT.name
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return [file, "--mode", "rollout", "--worlds", 3]


def environment(folder: Path) -> list[Any]:
    """The arguments of a training in an environment, likewise."""
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump({"training": {"network": GRU, "ppo": {"minibatch_size": 64}}}))
    task = f"{ROOT / 'examples' / 'memory_task.py'}:MemoryTask"
    return ["--env", task, "--env-option", "delay=33", "--config", file, "--worlds", 5]


def soak(folder: Path) -> list[Any]:
    """The arguments of a soak, in which the network replays and acts in turn."""
    scenario = tiny_scenario(folder / "scenario", ("{hidden: [16]}", "{hidden: [16], recurrent: gru}"))
    baseline = tiny_baseline(scenario, folder / "baseline")
    return [scenario, "--baseline", baseline, "--cycles", 3, "--resume"]


def test_a_killed_soak_loses_nothing_either(processes: Trainings, tmp_path: Path) -> None:
    asked = soak(tmp_path)

    def run(folder: Path, at: int | None = None) -> End:
        return processes.run(*asked, "--output", folder, folder=folder, at=at, command="soak")

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    end = run(whole)
    assert end.code == 0, end.errors
    assert run(killed, at=end.operations - 20).code == -signal.SIGKILL
    assert run(killed).code == 0
    assert outputs(killed) == outputs(whole)


@pytest.mark.parametrize("place", [town, environment])
def test_killed_anywhere_and_resumed_it_ends_with_the_bytes_of_an_uninterrupted_training(
    processes: Trainings, tmp_path: Path, place: Any
) -> None:
    asked = [*place(tmp_path), *AMOUNTS]

    def run(folder: Path, at: int | None = None) -> End:
        return processes.run(*asked, "--output", folder, folder=folder, at=at)

    whole = tmp_path / "whole"
    end = run(whole)
    assert end.code == 0, end.errors
    moments, resumed = random.Random(place.__name__), set()
    for index in range(2):
        killed = tmp_path / f"killed {index}"
        assert run(killed, at=moments.randint(12, end.operations - 8)).code == -signal.SIGKILL
        checkpoint = read_checkpoint(killed)
        if checkpoint is not None and checkpoint.progress.phases:
            resumed.add(checkpoint.progress.phases)
            assert np.abs(checkpoint.arrays["memory.state"]).max() > 0.0
        run(killed, at=moments.randint(3, 15))
        assert run(killed).code == 0
        assert outputs(killed) == outputs(whole)
    assert resumed
