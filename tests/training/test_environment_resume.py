"""Kills of trainings in environments that are no towns: resumed, they leave the bytes of an uninterrupted one."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from support.killed_trainings import End, Trainings, trainings
from support.left_behind import outputs
from support.own_environments import Diary, Dice, Faulty, Relay, Rewarding, Turns, Unseeded
from support.small_trainings import on_file, options_of

from townlet.errors import InputError
from townlet.files.storage import sha256
from townlet.training import train_env
from townlet.training.environment import find_environment
from townlet.training.environment.worlds import EnvironmentWorlds

SMALL: dict[str, Any] = {"worlds": 3, "rollout_ticks": 25, "epochs": 2, "cycles": 4}
QUEUE = ("townlet.envs:parallel_env", "--env-option", "scenario=queue_conflict")


@pytest.fixture(scope="module")
def processes() -> Iterator[Trainings]:
    with trainings() as server:
        yield server


@pytest.mark.parametrize(("env", "cycles"), [(("CartPole-v1",), 20), (QUEUE, 8)], ids=["gymnasium", "pettingzoo"])
def test_killed_at_random_moments_and_resumed_it_ends_with_the_bytes_of_an_uninterrupted_training(
    processes: Trainings, tmp_path: Path, env: tuple[str, ...], cycles: int
) -> None:
    options = options_of(**(SMALL | {"cycles": cycles, "checkpoint_every": 1}))
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    def run(folder: Path, **when: Any) -> End:
        return processes.run("--env", *env, "--output", folder, *options, "--resume", folder=folder, **when)

    started = time.perf_counter()
    end = run(whole)
    seconds = time.perf_counter() - started
    assert end.code == 0, end.errors
    moments = random.Random(env[0])
    for _ in range(3):
        # As many file operations as a third of the training has, at most.
        assert run(killed, at=moments.randint(5, end.operations // 4)).code == -signal.SIGKILL
    # Anywhere in a rollout or an epoch, if the machine is as fast as it was.
    assert run(killed, after=moments.uniform(0.1, 0.6) * seconds).code in (0, -signal.SIGKILL)
    assert (killed / "checkpoint.safetensors").exists()
    assert run(killed).code == 0
    assert outputs(killed) == outputs(whole)


class StopError(Exception):
    """Ends a training from within."""


def stopped_after(epoch: int, env: str | Callable[..., Any], folder: Path, **options: Any) -> None:
    def stop(fields: dict[str, Any]) -> None:
        if fields["epoch"] == epoch:
            raise StopError

    with pytest.raises(StopError):
        train_env(env, folder, progress=stop, checkpoint_every=1, **(SMALL | options))


@pytest.mark.parametrize("env", [Dice, Relay, Turns])
def test_each_phases_checkpoint_leads_to_the_same_end(env: Callable[..., Any], tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    train_env(env, whole, **SMALL)
    for epoch in (1, 3, 5, 7):
        folder = tmp_path / f"stopped in epoch {epoch}"
        stopped_after(epoch, env, folder)
        result = train_env(env, folder, resume=True, **SMALL)
        assert (result.attempt, result.resumed_epoch) == (2, epoch - 1)
        assert outputs(folder) == outputs(whole)


def test_a_checkpoint_holds_actions_and_no_code(tmp_path: Path) -> None:
    stopped_after(5, Dice, tmp_path / "dice")
    arrays = load_file(tmp_path / "dice" / "checkpoint.safetensors")
    assert {name for name in arrays if not name.startswith(("network.", "adam."))} == {
        f"worlds.{name}"
        for name in (
            "action",
            "episode",
            "fingerprint",
            "length",
            "observation",
            "return",
            "reward_moments",
            "reward_sums",
            "ticks",
        )
    }
    assert arrays["worlds.ticks"].tolist() == [50] and arrays["worlds.action"].shape[1] == 1
    assert len(arrays["worlds.action"]) == arrays["worlds.length"].sum() < 3 * 20


@pytest.mark.parametrize("env", [Unseeded, Rewarding, Diary])
def test_an_environment_that_goes_another_way_is_told_of_at_once_and_not_resumed(
    env: Callable[..., Any], tmp_path: Path
) -> None:
    folder, said = tmp_path / "training", f"{env.__name__} is not a function of its seed and its actions"
    with pytest.warns(UserWarning, match=f"{said}: two of them differ in .*cannot be resumed"):
        stopped_after(5, env, folder)
    before = on_file(folder)
    with pytest.warns(UserWarning), pytest.raises(InputError, match=f"{said} .*cannot be resumed exactly"):
        train_env(env, folder, resume=True, **SMALL)
    assert on_file(folder) == before


def test_the_observation_that_differs_is_named(tmp_path: Path) -> None:
    with pytest.warns(UserWarning):
        stopped_after(5, Diary, tmp_path / "diary")
    with pytest.warns(UserWarning), pytest.raises(InputError) as refused:
        train_env(Diary, tmp_path / "diary", resume=True, **SMALL)
    (fault,) = refused.value.faults
    # Unless it was shown at the reset, it is not part of the last observation.
    assert fault.where == "episode" or fault.where == "observation of agent, feature 0"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"env_options": {"sides": 7}}, "environment.options.sides: found nothing, expected 7"),
        ({"worlds": 4}, "training.worlds: found 3, expected 4"),
        ({"seed": 1}, "training.seed: found 0, expected 1"),
    ],
)
def test_another_environment_or_option_is_refused_by_name(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    stopped_after(5, Dice, tmp_path / "dice")
    with pytest.raises(InputError, match=message):
        train_env(Dice, tmp_path / "dice", resume=True, **(SMALL | changed))


def test_another_version_of_the_environment_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from support.own_environments import Dice\n\n\nclass Mine(Dice):\n    pass\n")
    stopped_after(5, f"{file}:Mine", tmp_path / "mine")
    file.write_text(file.read_text() + "\n# changed\n")
    message = "environment.source_sha256: found .*, of the environment that is here now: it may go another way"
    with pytest.raises(InputError, match=message):
        train_env(f"{file}:Mine", tmp_path / "mine", resume=True, **SMALL)


@pytest.mark.parametrize("how", ["file", "id"])
def test_wrappers_around_another_environment_are_part_of_it(how: str, tmp_path: Path) -> None:
    """The class of the environment itself lies in another file, and says nothing about the rewards."""
    file = tmp_path / "wrapped.py"
    file.write_text(
        "import gymnasium\nfrom gymnasium.wrappers import TransformReward\n"
        "from support.own_environments import Dice\n\n\n"
        "def make():\n    return TransformReward(Dice(), lambda reward: reward * 1.0)\n\n\n"
        "gymnasium.register('Wrapped-v0', make)\n"
    )
    given: Any = f"{file}:make" if how == "file" else f"{file}:Wrapped-v0"
    first = find_environment(given).origin
    file.write_text(file.read_text().replace("1.0", "-1.0"))
    second = find_environment(given).origin
    assert first["source_sha256"] == second["source_sha256"]
    assert first["factory_sha256"] != second["factory_sha256"] == sha256(file.read_bytes())
    assert "factory_sha256" not in find_environment(Dice).origin


def test_changed_actions_are_found(tmp_path: Path) -> None:
    """The file's own hash finds a change by accident; the fingerprint one that was made with care."""
    found = find_environment(Dice, {"sides": 1000})
    worlds = EnvironmentWorlds(found.name, found.adapt, 2, 5)
    for world in range(2):
        worlds.begin(world, 4)
    for _ in range(3):
        worlds.step(np.zeros((2, 1), np.int32))
    saved = {name: array.copy() for name, array in worlds.saved().items()}
    again = EnvironmentWorlds(found.name, found.adapt, 2, 5)
    again.restore(saved, "here")
    np.testing.assert_array_equal(again.observation, worlds.observation)
    saved["action"][-1] = 1
    with pytest.raises(InputError, match=r"here: episode: .* \(world 1, episode 4, played again\)"):
        again.restore(saved, "here")
    del saved["length"]
    with pytest.raises(InputError, match=r"here: worlds\.length: found the state of other worlds"):
        again.restore(saved, "here")


def test_a_fingerprint_covers_the_masks() -> None:
    fingerprints = []
    for allows in (True, False):
        found = find_environment(Faulty, {"allows": allows})
        with closing(EnvironmentWorlds(found.name, found.adapt, 1, 5)) as worlds:
            worlds.begin(0, 0)
            fingerprints.append((int(worlds.fingerprint[0]), worlds.observation.tolist()))
    (one, seen), (other, also_seen) = fingerprints
    assert seen == also_seen and one != other


def test_more_cycles_go_on_to_the_bytes_of_a_longer_training(tmp_path: Path) -> None:
    config = tmp_path / "constant.yaml"
    config.write_text("training: {ppo: {lr_schedule: constant}}")
    for folder, cycles in (("short", 2), ("whole", 4)):
        train_env(Dice, tmp_path / folder, config=config, **(SMALL | {"cycles": cycles}))
    shutil.copytree(tmp_path / "short", tmp_path / "longer")
    train_env(Dice, tmp_path / "longer", config=config, resume=True, **SMALL)
    assert outputs(tmp_path / "longer") == outputs(tmp_path / "whole")
