"""The batched environment: the simulator's own arrays under Gymnasium's vector API."""

from __future__ import annotations

import pickle

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from hypothesis import given, settings
from hypothesis import strategies as st
from support.env_play import SCENARIOS, hard_times, legal_draw

import townlet
from townlet.errors import InputError


def test_every_array_has_the_declared_shape_and_dtype() -> None:
    batch = townlet.vector_env("queue_conflict", worlds=5)
    n, features, actions = 15, len(batch.town.observation_schema), len(batch.town.action_names)
    assert isinstance(batch, gymnasium.vector.VectorEnv)
    assert batch.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert (batch.num_envs, batch.observation_space.shape) == (n, (n, features))
    observation, info = batch.reset(seed=1)
    assert observation in batch.observation_space
    chosen = legal_draw(info["action_mask"], np.random.default_rng(0))
    assert chosen in batch.action_space
    observation, reward, terminated, truncated, info = batch.step(chosen)
    found = {
        "observation": observation,
        "reward": reward,
        "terminated": terminated,
        "truncated": truncated,
        "action_mask": info["action_mask"],
        "alive": info["alive"],
    }
    assert {name: (array.shape, array.dtype.name) for name, array in found.items()} == {
        "observation": ((n, features), "float32"),
        "reward": ((n,), "float32"),
        "terminated": ((n,), "bool"),
        "truncated": ((n,), "bool"),
        "action_mask": ((n, actions), "bool"),
        "alive": ((n,), "bool"),
    }


def test_nothing_is_copied() -> None:
    batch = townlet.vector_env("queue_conflict", worlds=5)
    observation, info = batch.reset()
    again, reward, terminated, truncated, info_again = batch.step(np.zeros(15, np.int32))
    town = batch.town
    for returned, own in [
        (observation, town.observation),
        (again, town.observation),
        (reward, town.reward),
        (terminated, town.terminated),
        (info["action_mask"], town.mask),
        (info_again["action_mask"], town.mask),
        (info_again["alive"], town.alive),
    ]:
        assert np.shares_memory(returned, own)
    assert np.shares_memory(truncated, batch.step(np.zeros(15, np.int32))[3])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_observations_lie_within_the_declared_bounds(scenario: str) -> None:
    batch = townlet.vector_env(scenario, worlds=8, seed=4)
    generator = np.random.default_rng(4)
    observation, info = batch.reset()
    low, high = batch.observation_space.low, batch.observation_space.high
    names = [feature["name"] for feature in batch.town.observation_schema]
    for _ in range(2 * batch.scenario.ticks + 5):
        outside = ((observation < low) | (observation > high)).any(axis=0)
        assert not outside.any(), [name for name, bad in zip(names, outside, strict=True) if bad]
        observation, _, _, _, info = batch.step(legal_draw(info["action_mask"], generator))


def test_all_worlds_reach_the_limit_together_and_are_reset_in_the_same_step() -> None:
    batch = townlet.vector_env("employment_punctuality", worlds=3, seed=2)
    observation, info = batch.reset(seed=2)
    first = observation.copy()
    generator = np.random.default_rng(1)
    for tick in range(1, 81):
        last = tick == 80
        observation, _, terminated, truncated, info = batch.step(legal_draw(info["action_mask"], generator))
        assert not terminated.any() and truncated.all() == last and truncated.any() == last
        assert ("final_obs" in info) == last
    assert batch.town.tick == 0
    np.testing.assert_array_equal(observation, first)
    time = [feature["name"] for feature in batch.town.observation_schema].index("time_of_day")
    assert info["_final_obs"].all() and info["final_obs"].shape == observation.shape
    assert not np.array_equal(info["final_obs"], observation)
    assert (observation[:, time] == 0.0).all()


def test_after_a_faint_the_place_is_empty_until_its_newcomer_comes() -> None:
    batch = townlet.vector_env(hard_times(), worlds=2)
    batch.reset(seed=0)
    wait = np.zeros(8, np.int32)
    while not (outcome := batch.step(wait))[2].any():
        pass
    _, reward, terminated, truncated, info = outcome
    assert terminated.all() and not truncated.any() and not info["alive"].any()
    assert (reward != 0.0).all()
    assert info["_final_obs"].all() and not info["final_obs"].any()
    for _ in range(2):
        observation, reward, terminated, _, info = batch.step(wait)
        assert not (observation.any() or reward.any() or terminated.any() or info["alive"].any())
        assert (info["action_mask"].sum(axis=1) == 1).all() and info["action_mask"][:, 0].all()
    observation, _, _, _, info = batch.step(wait)
    assert info["alive"].all() and observation.any(axis=1).all()


@settings(max_examples=10)
@given(worlds=st.integers(1, 4), index=st.integers(0, 3), seed=st.integers(0, 2**31 - 1))
def test_a_world_behaves_the_same_alone_and_in_a_batch(worlds: int, index: int, seed: int) -> None:
    index %= worlds
    batch = townlet.vector_env("queue_conflict", worlds=worlds, seed=seed)
    alone = townlet.vector_env("queue_conflict", worlds=1, seed=seed, first_world=index)
    mine = slice(3 * index, 3 * index + 3)
    generator = np.random.default_rng(seed)
    _, info = batch.reset()
    alone.reset()
    for _ in range(100):
        action = legal_draw(info["action_mask"], generator)
        *together, info = batch.step(action)
        *single, info_alone = alone.step(action[mine])
        for both, one in zip(together, single, strict=True):
            np.testing.assert_array_equal(both[mine], one)
        np.testing.assert_array_equal(info["action_mask"][mine], info_alone["action_mask"])


def test_the_parallel_environment_is_the_first_world_of_the_batch() -> None:
    batch = townlet.vector_env("queue_conflict", worlds=1)
    town = townlet.parallel_env("queue_conflict", agents="slots", action_mask="info")
    _, info = batch.reset(seed=6)
    town.reset(seed=6)
    generator = np.random.default_rng(6)
    for _ in range(79):
        action = legal_draw(info["action_mask"], generator)
        observation, reward, terminated, _, info = batch.step(action)
        seen, rewards, ended, _, _ = town.step(dict(zip(town.agents, action.tolist(), strict=True)))
        np.testing.assert_array_equal(observation, np.stack(list(seen.values())))
        np.testing.assert_array_equal(reward, np.array(list(rewards.values()), np.float32))
        assert terminated.tolist() == list(ended.values())


def test_gymnasiums_vector_wrappers_apply() -> None:
    recorder = RecordEpisodeStatistics(townlet.vector_env("observation_baseline", worlds=4))
    recorder.reset(seed=0)
    total = np.zeros(4)
    for _ in range(20):
        _, reward, _, _, info = recorder.step(np.zeros(4, np.int32))
        total += reward
    np.testing.assert_allclose(info["episode"]["r"], total, rtol=1e-6)
    assert (info["episode"]["l"] == 20).all()


def test_the_actions_of_a_step_may_be_filled_in_place() -> None:
    batch = townlet.vector_env("queue_conflict", worlds=2)
    batch.reset(seed=0)
    batch.action[:] = 4
    in_place = batch.step(batch.action)[0].copy()
    batch.reset(seed=0)
    np.testing.assert_array_equal(batch.step(np.full(6, 4, np.int64))[0], in_place)


def test_a_pickled_batch_comes_back_as_a_fresh_one_with_views_of_its_own() -> None:
    batch = townlet.vector_env("queue_conflict", worlds=2, seed=3)
    batch.reset()
    copy = pickle.loads(pickle.dumps(batch))
    observation, _ = copy.reset()
    assert np.shares_memory(observation, copy.town.observation)
    np.testing.assert_array_equal(observation, batch.town.observation.reshape(observation.shape))


def test_a_pickled_batch_keeps_its_options() -> None:
    batch = townlet.vector_env("queue_conflict", worlds=2, first_world=5, autoreset="next_step", commitment_ticks=9)
    copy = pickle.loads(pickle.dumps(batch))
    assert copy.metadata == batch.metadata and copy.town.first_world == 5
    np.testing.assert_array_equal(copy.reset(seed=1)[1]["action_mask"], batch.reset(seed=1)[1]["action_mask"])
    for _ in range(30):
        masks = [env.step(np.full(6, 4))[-1]["action_mask"] for env in (batch, copy)]
        np.testing.assert_array_equal(*masks)
    assert (masks[0].sum(axis=1) < batch.town.mask.reshape(6, -1).sum(axis=1)).any()


def test_a_batch_of_no_worlds_is_refused() -> None:
    with pytest.raises(InputError, match="worlds: found 0, expected a whole number, at least 1"):
        townlet.vector_env("queue_conflict", worlds=0)


def test_an_unknown_scenario_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(InputError, match="did you mean 'kitchen_breakfast'"):
        townlet.vector_env("kitchen_brekfast")


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.full(6, 0.7), "found numbers of type float64, expected integers"),
        (np.full(6, np.nan), "expected integers"),
        (np.zeros(6, np.bool_), "expected integers"),
        (np.zeros(5, np.int32), r"found shape \(5,\), expected \(6,\) or \(2, 3\)"),
        (np.zeros((3, 2), np.int32), "found shape"),
        (0, "found shape"),
        ([[0, 0], [0]], "found list that is no array"),
        (torch.zeros(6, requires_grad=True), "found Tensor that is no array"),
        (torch.zeros(6), "found numbers of type float32"),
        ([True] * 6, "expected integers"),
        (["0"] * 6, "expected integers"),
        (None, "expected integers"),
        (np.array([0, 0, 0, 0, 0, -1], np.int8), "found -1, expected a whole number from 0 to"),
        ([0, 0, 99, 0, 0, 0], "found 99"),
        (np.full(6, 2**32 + 2), "found 4294967298"),
        (np.full(6, 2**63 + 2, np.uint64), "found 9223372036854775810"),
    ],
)
def test_anything_that_is_not_actions_is_refused_and_changes_nothing(actions: object, message: str) -> None:
    batch = townlet.vector_env("queue_conflict", worlds=2)
    with pytest.raises(InputError, match="step: found no episode"):
        batch.step(np.zeros(6, np.int32))
    batch.reset()
    with pytest.raises(InputError, match=message):
        batch.step(actions)
    assert batch.town.tick == 0


def test_actions_in_another_byte_order_a_tensor_or_a_list_are_the_same_actions() -> None:
    town = townlet.vector_env("queue_conflict", worlds=2)
    town.reset(seed=0)
    for same in (np.full((2, 3), 3, ">i8"), torch.full((6,), 3), [3] * 6):
        town.step(same)
        assert (town.action == 3).all()
