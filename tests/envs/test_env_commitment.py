"""Commitment as an option of every environment: what people are shown, and what is done, is the neural behaviour's."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from support.committed import choices, committed
from support.env_play import hard_times, legal_draw, mask_of

import townlet
from townlet.config import Scenario
from townlet.config.find import scenario_of
from townlet.envs import TownEnv
from townlet.world import Town

TICKS = 12


def towns() -> list[Scenario]:
    """One in which people seldom leave, and one in which nobody stays."""
    return [scenario_of("queue_conflict"), hard_times()]


@pytest.mark.parametrize("scenario", towns(), ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("autoreset", ["same_step", "next_step"])
def test_a_batch_shows_and_does_what_the_neural_behaviour_does(scenario: Scenario, autoreset: Any) -> None:
    town = Town(scenario, worlds=3, seed=4, first_world=2)
    policy = committed(town, TICKS)
    batch = townlet.vector_env(scenario, worlds=3, seed=4, first_world=2, autoreset=autoreset, commitment_ticks=TICKS)
    _, info = batch.reset(seed=4)
    town.reset(4)
    generator = np.random.default_rng(0)
    undecided = 0
    for tick in range(1, 2 * scenario.ticks + 1):
        made = choices(policy, town)
        np.testing.assert_array_equal(batch.action_masks(), made.mask.reshape(batch.num_envs, -1))
        assert np.shares_memory(batch.action_masks(), info["action_mask"])
        # Whatever is chosen in a tick without a decision, the action that continues is done.
        anything = generator.integers(0, batch.single_action_space.n, made.action.shape)
        _, reward, *_, info = batch.step(np.where(made.asked, made.action, anything))
        np.testing.assert_array_equal(batch.action, made.action)
        undecided += int((~made.asked & (anything != made.action)).sum())
        town.step(made.action)
        np.testing.assert_array_equal(reward, town.reward.reshape(-1))
        if tick % scenario.ticks == 0:
            town.reset()
            if autoreset == "next_step":
                info = batch.step(np.zeros(batch.num_envs, np.int64))[-1]
    assert undecided > 100


@pytest.mark.parametrize("scenario", towns(), ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("agents", ["people", "slots", "fixed"])
def test_the_parallel_environment_does_so_too(scenario: Scenario, agents: Any) -> None:
    parallel = townlet.parallel_env(scenario, agents=agents, commitment_ticks=TICKS)
    town = Town(scenario, worlds=1, seed=4)
    policy = committed(town, TICKS)
    observed, infos = parallel.reset(seed=4)
    while parallel.agents:
        made = choices(policy, town)
        place = {agent: parallel.slots.index(agent.partition("_")[0]) for agent in parallel.agents}
        for agent, a in place.items():
            np.testing.assert_array_equal(mask_of(observed[agent], infos[agent]), made.mask[0, a])
        acts = {agent: int(made.action[0, a]) if made.asked[0, a] else 1 for agent, a in place.items()}
        observed, rewards, *_, infos = parallel.step(acts)
        town.step(made.action)
        assert all(rewards[agent] == town.reward[0, a] for agent, a in place.items())
        while town.tick < parallel.town.tick:
            town.step(choices(policy, town).action)
        np.testing.assert_array_equal(parallel.state(), town.observation.reshape(-1))


def test_the_environment_of_one_person_commits_that_person_alone() -> None:
    env = TownEnv("queue_conflict", person="ben", others="heuristic", commitment_ticks=TICKS, action_mask="none")
    town = Town(env.scenario, worlds=1, seed=6)
    policy, others = committed(town, TICKS), TownEnv("queue_conflict", others="heuristic")._others
    env.reset(seed=6)
    unused = np.zeros((2, 1, 3), np.float32)
    asked = 0
    for _ in range(60):
        made = choices(policy, town)
        np.testing.assert_array_equal(env.action_masks(), made.mask[0, 1])
        action = np.zeros((1, 3), np.int32)
        others.act(town, action, *unused)
        action[0, 1] = made.action[0, 1]
        asked += int(made.asked[0, 1])
        _, reward, *_ = env.step(int(made.action[0, 1]) if made.asked[0, 1] else 2)
        town.step(action)
        assert reward == town.reward[0, 1]
        np.testing.assert_array_equal(env.town.observation, town.observation)
    assert 0 < asked < 60


def test_without_a_commitment_the_mask_is_the_simulators_own() -> None:
    batch = townlet.vector_env("queue_conflict", worlds=2)
    _, info = batch.reset()
    assert np.shares_memory(info["action_mask"], batch.town.mask)
    assert np.shares_memory(batch.action_masks(), batch.town.mask)


def test_a_library_that_obeys_the_mask_always_chooses_what_is_done() -> None:
    batch = townlet.vector_env("queue_conflict", worlds=4, commitment_ticks=TICKS)
    _, info = batch.reset(seed=0)
    generator = np.random.default_rng(0)
    for _ in itertools.repeat(None, 100):
        chosen = legal_draw(info["action_mask"], generator)
        *_, info = batch.step(chosen)
        np.testing.assert_array_equal(batch.action.reshape(-1), chosen)
