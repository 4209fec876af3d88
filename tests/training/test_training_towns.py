"""Training over drawn towns: which towns a rollout has, what is recorded of them, and how it resumes."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from support.committed import committed
from support.killed_trainings import Trainings, trainings
from support.left_behind import outputs

from townlet.behavior.neural import NeuralBehavior
from townlet.config import Scenario
from townlet.config.drawn import READERS, TRAINING, drawn_scenario, drawn_yaml
from townlet.config.training import DRAWN_DAY, TrainingConfig
from townlet.errors import InputError
from townlet.rollout import REWARD_PARTS, RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.training import TrainingHarness
from townlet.training.checkpoint import read_checkpoint
from townlet.training.memory_needed import learning_bytes
from townlet.training.towns_loop import MOST_PEOPLE, TownsLoop, seen_and_paid_as
from townlet.world import Town

NUMBER = READERS[7]
OPTIONS: dict[str, Any] = {
    "worlds": 2,
    "rollout_ticks": DRAWN_DAY,
    "network": {"hidden": [8], "commitment_ticks": 25},
    "towns": {"count": 3, "rollouts": 2},
}
ARRAYS = ("alive", "mask", "action", "log_prob", "reward", "reward_parts", "clipped", "terminated", "truncated")


def model(**training: Any) -> Scenario:
    content = TrainingConfig.model_validate(OPTIONS | training)
    scenario = drawn_scenario(NUMBER)
    rules = scenario.rules.model_copy(update={"reward": scenario.rules.reward.model_copy(update={"survival": 0.125})})
    return scenario.model_copy(update={"training": content, "rules": rules})


def behavior_for(loop: TownsLoop, commitment: int) -> NeuralBehavior:
    return committed(loop.town, commitment)  # type: ignore[arg-type]


def filled(loop: TownsLoop, commitment: int, buffer: RolloutBuffer | None = None) -> RolloutBuffer:
    """A rollout of a loop, if given in a buffer that has held another."""
    buffer = buffer or loop.new_buffer(DRAWN_DAY)
    loop.collect(buffer, behavior_for(loop, commitment))
    return buffer


def learnt_from(buffer: RolloutBuffer, commitment: int) -> np.ndarray:
    return buffer.alive & (np.count_nonzero(buffer.mask, -1) > 1) if commitment else buffer.alive


def assert_same(one: RolloutBuffer, other: RolloutBuffer, commitment: int) -> None:
    """Both hold the same experience; of what nothing is learnt from, observations and values do not count."""
    for name in ARRAYS:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    rows = learnt_from(one, commitment)
    for name in ("observation", "value"):
        assert getattr(one, name)[rows].tobytes() == getattr(other, name)[rows].tobytes(), name
    assert one.totals == other.totals and one.cut_ticks == other.cut_ticks == [DRAWN_DAY - 1]
    assert one.cut_observation[0].tobytes() == other.cut_observation[0].tobytes()


def test_a_slots_town_is_a_function_of_seed_and_rollout_and_slots_are_replaced_in_turn() -> None:
    loop, again = (TownsLoop(model(towns={"count": 3, "rollouts": 4}), seed=5) for _ in range(2))
    numbers = [[loop.number(slot, rollout) for slot in range(3)] for rollout in range(40)]
    backwards = [[again.number(slot, rollout) for slot in (2, 1, 0)] for rollout in reversed(range(40))]
    assert numbers == [row[::-1] for row in backwards[::-1]]
    drawn = {number for row in numbers for number in row}
    assert all(number in TRAINING for number in drawn) and len(drawn) == 3 * 10 + 2
    for before, after in itertools.pairwise(numbers):
        assert sum(one != other for one, other in zip(before, after, strict=True)) <= 1
    for slot in range(3):
        changes = [r for r in range(1, 40) if numbers[r][slot] != numbers[r - 1][slot]]
        assert np.diff(changes).tolist() == [4] * (len(changes) - 1)
    assert TownsLoop(model(), seed=6).number(0, 0) != TownsLoop(model(), seed=5).number(0, 0)


@pytest.mark.parametrize("commitment", [25, 0])
def test_a_rollout_holds_what_each_town_records_by_itself_with_the_scenarios_rewards(commitment: int) -> None:
    loop = TownsLoop(model(), seed=5)
    loop.rollouts = 1
    seeds = [loop._world_seed(slot) for slot in range(3)]
    buffer = filled(loop, commitment)
    assert buffer.alive.shape == (DRAWN_DAY, 6, MOST_PEOPLE)
    completed = 0.0
    for slot in range(3):
        alone = SimulationLoop(
            seen_and_paid_as(drawn_scenario(loop.number(slot, 1)), model()), worlds=2, seed=seeds[slot]
        )
        expected = alone.new_buffer(DRAWN_DAY)
        alone.collect(expected, behavior_for(loop, commitment))
        people, worlds = len(alone.town.people), slice(2 * slot, 2 * slot + 2)
        assert not buffer.alive[:, worlds, people:].any()
        lived, rows = expected.alive, learnt_from(expected, commitment)
        for name in ARRAYS:
            ours = getattr(buffer, name)[:, worlds, :people]
            assert (ours[lived] == getattr(expected, name)[lived]).all(), name
            assert name in ("mask", "action", "log_prob") or not ours[~lived].any()
        for name in ("observation", "value"):
            assert (getattr(buffer, name)[:, worlds, :people][rows] == getattr(expected, name)[rows]).all(), name
        assert buffer.reward_parts[:, worlds, :people, REWARD_PARTS.index("survival")].max() == 0.125
        assert (buffer.cut_observation[0][worlds, :people] == expected.cut_observation[0]).all()
        completed += expected.totals["use_complete_events"]
    assert buffer.totals["use_complete_events"] == completed
    assert np.isfinite(buffer.value).all() and np.isfinite(buffer.log_prob).all()


def test_neither_threads_nor_earlier_rollouts_change_a_bit() -> None:
    whole, shared, resumed = (TownsLoop(model(), seed=5, threads=threads) for threads in (1, 3, 1))
    first = filled(whole, 25)
    assert_same(first, filled(shared, 25), 25)
    second = filled(whole, 25, first)
    resumed.rollouts = 1
    assert_same(second, filled(resumed, 25), 25)


def test_a_rollout_of_another_length_than_a_day_is_refused() -> None:
    loop = TownsLoop(model(), seed=5)
    with pytest.raises(ValueError, match="ticks: found 999, expected 1000: in a rollout, drawn towns live a day"):
        loop.collect(loop.new_buffer(999), behavior_for(loop, 25))
    for option in ({"rollout_ticks": 40}, {"handover": {"script": "heuristic"}}):
        with pytest.raises(InputError, match="training options: "):
            TrainingHarness.for_scenario(model(**option)).require_usable("rollout", None)
    assert drawn_scenario(NUMBER).ticks == drawn_scenario(NUMBER).ticks_per_day == DRAWN_DAY


def test_the_memory_that_is_asked_for_is_that_of_all_towns_with_as_many_people_as_any_can_have() -> None:
    harness = TrainingHarness.for_scenario(model())
    loop, network = harness.loop, harness.network
    assert isinstance(loop, TownsLoop) and loop.town.worlds == 6 and len(loop.town.people) == MOST_PEOPLE
    shape = DRAWN_DAY, 6, MOST_PEOPLE, network.features, network.actions
    assert learning_bytes("rollout", harness.config, shape, None) > RolloutBuffer.bytes_for(*shape)
    one = Town(seen_and_paid_as(drawn_scenario(loop.number(0, 0)), model()), worlds=2, seed=0)
    assert loop.state_bytes == 2 * sum(array.nbytes for array in one.state)


@pytest.fixture(scope="module")
def processes() -> Iterator[Trainings]:
    with trainings() as server:
        yield server


def test_killed_and_resumed_it_ends_with_the_bytes_of_an_uninterrupted_training(
    processes: Trainings, tmp_path: Path
) -> None:
    content = yaml.safe_load(drawn_yaml(NUMBER))
    content["training"] = OPTIONS | {"imitation": {"rollouts": 1, "epochs": 1}, "epochs": 1, "cycles": 3}
    scenario = tmp_path / f"{content['name']}.yaml"
    scenario.write_text(yaml.safe_dump(content, sort_keys=False))
    whole = tmp_path / "whole"
    options = ["--checkpoint-every", 1, "--resume"]
    end = processes.run(scenario, "--output", whole, *options, folder=whole)
    assert end.code == 0, end.errors
    resumed_after = set()
    for share in (0.55, 0.75):
        killed = tmp_path / f"killed at {share}"
        arguments = scenario, "--output", killed, *options
        stopped = processes.run(*arguments, at=round(end.operations * share), folder=killed)
        assert stopped.code == -signal.SIGKILL, stopped.errors
        left = read_checkpoint(killed)
        resumed_after.add(left and left.progress.phases)
        assert processes.run(*arguments, folder=killed).code == 0
        assert outputs(killed) == outputs(whole)
    assert resumed_after & {1, 2}
