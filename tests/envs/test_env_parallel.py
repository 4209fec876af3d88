"""Behaviour of the town behind PettingZoo's parallel API: masks, agents who come and go, seeds, slots."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from support.env_play import SCENARIOS, hard_times, play

import townlet
from townlet.config import load_scenario
from townlet.config.find import find_scenario
from townlet.config.rules import ObservationConfig
from townlet.errors import InputError


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_observations_and_states_lie_within_the_bounds_that_their_spaces_declare(scenario: str) -> None:
    town = townlet.parallel_env(scenario)

    def look(observations: dict[str, Any], *_: Any) -> None:
        for agent, observation in observations.items():
            assert town.observation_space(agent).contains(observation), (agent, observation)
        assert town.state_space.contains(town.state())

    for seed in range(4):
        play(town, seed, look)


@pytest.mark.parametrize("mode", ["compact", "hybrid", "full"])
def test_observations_of_every_mode_lie_within_their_spaces(mode: Any) -> None:
    scenario = load_scenario(find_scenario("queue_conflict"))
    town = townlet.parallel_env(scenario.model_copy(update={"observations": ObservationConfig(mode=mode)}))

    def look(observations: dict[str, Any], *_: Any) -> None:
        assert all(town.observation_space(agent).contains(seen) for agent, seen in observations.items())

    play(town, 0, look)
    assert townlet.vector_env(town.scenario, worlds=2).reset()[0].shape == (6, len(town.town.observation_schema))


def test_an_action_that_the_mask_forbids_counts_as_waiting() -> None:
    twins = [townlet.parallel_env("queue_conflict", action_mask="info") for _ in range(2)]
    infos, _ = [town.reset(seed=5)[1] for town in twins]
    forbidden = {agent: int(np.flatnonzero(info["action_mask"] == 0)[0]) for agent, info in infos.items()}
    seen = [town.step(actions)[0] for town, actions in zip(twins, [forbidden, {}], strict=True)]
    for agent in infos:
        np.testing.assert_array_equal(seen[0][agent], seen[1][agent])


def test_whoever_faints_terminates_and_the_newcomer_in_the_same_place_is_a_new_agent() -> None:
    town = townlet.parallel_env(hard_times())
    seen: list[str] = []
    ended: list[str] = []

    def look(
        observations: dict[str, Any],
        rewards: dict[str, float],
        terminations: dict[str, bool],
        truncations: dict[str, bool],
        infos: dict[str, Any],
    ) -> None:
        assert observations.keys() == rewards.keys() == terminations.keys() == truncations.keys() == infos.keys()
        seen.extend(agent for agent in observations if agent not in seen)
        ended.extend(agent for agent in observations if terminations[agent] or truncations[agent])
        assert not set(ended) & set(town.agents)

    play(town, 0, look)
    assert [agent for agent in seen if agent.startswith("anna")] == [f"anna_{number}" for number in range(9)]
    assert sorted(ended) == sorted(seen) == sorted(town.possible_agents)


def test_at_the_time_limit_everybody_is_truncated() -> None:
    town = townlet.parallel_env("employment_punctuality", max_cycles=7)
    steps: list[tuple[dict[str, bool], dict[str, bool]]] = []
    play(town, 0, lambda _observed, _rewards, terminated, truncated, _infos: steps.append((terminated, truncated)))
    assert len(steps) == 7
    assert not any(any(terminated.values()) for terminated, _ in steps)
    assert [all(truncated.values()) for _, truncated in steps] == [False] * 6 + [True]
    with pytest.raises(InputError, match="step: found an episode that has ended, expected a call of reset"):
        town.step({})


def test_while_nobody_is_in_town_a_step_goes_on_to_the_next_arrival() -> None:
    town = townlet.parallel_env(hard_times())
    town.reset(seed=0)
    while "anna_0" in town.agents:
        before = town.town.tick
        observations, rewards, terminations, _, _ = town.step({})
    assert town.town.tick - before == 1 + 3
    assert town.agents == ["anna_1", "ben_1", "cara_1", "dan_1"]
    assert terminations == {name: name.endswith("_0") for name in observations}
    assert not observations["anna_0"]["observation"].any() and observations["anna_1"]["observation"].any()
    assert rewards["anna_0"] != 0.0 and rewards["anna_1"] == 0.0


def test_episodes_without_a_seed_of_their_own_differ_but_repeat_after_the_same_seed() -> None:
    town = townlet.parallel_env("queue_conflict")

    def two_episodes() -> list[np.ndarray]:
        states: list[np.ndarray] = []
        play(town, 9, lambda *_: states.append(town.state()))
        town.reset()
        return [*states, town.state()]

    first, second = two_episodes(), two_episodes()
    np.testing.assert_array_equal(first, second)
    town.reset(seed=9)
    assert not np.array_equal(town.state(), first[-1])


def test_environments_without_a_seed_are_different_worlds() -> None:
    states = []
    for _ in range(2):
        town = townlet.parallel_env("queue_conflict")
        town.reset()
        states.append(town.state())
    assert not np.array_equal(*states)


def test_a_pickled_environment_comes_back_as_a_fresh_one_of_the_same_kind() -> None:
    town = townlet.parallel_env("queue_conflict", agents="slots", action_mask="info", max_cycles=9)
    town.reset(seed=1)
    copy = pickle.loads(pickle.dumps(town))
    assert (type(copy), copy.limit, copy.action_mask, copy.agents) == (type(town), 9, "info", [])
    np.testing.assert_array_equal(copy.reset(seed=1)[0]["anna"], town.reset(seed=1)[0]["anna"])
