"""Places as agents: the same agents in every step, with terminations (``slots``) and without (``fixed``)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import supersuit
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test
from pettingzoo.utils import parallel_to_aec
from support.env_play import hard_times, mask_of, play

import townlet
from townlet.envs.spaces import ActionMask

PEOPLE = ["anna", "ben", "cara", "dan"]


@pytest.mark.parametrize("agents", ["slots", "fixed"])
@pytest.mark.parametrize("action_mask", ["observation", "info"])
def test_the_same_agents_act_in_every_step(agents: Any, action_mask: ActionMask) -> None:
    town = townlet.parallel_env(hard_times(), agents=agents, action_mask=action_mask)
    died: list[int] = []

    def look(observed: dict[str, Any], rewards: Any, terminated: Any, truncated: Any, infos: dict[str, Any]) -> None:
        assert list(observed) == list(rewards) == list(terminated) == list(truncated) == list(infos) == PEOPLE
        info, over = infos["anna"], town.town.tick == 60
        fainted = info["terminated"] if agents == "fixed" else terminated["anna"]
        if fainted:
            died.append(town.town.tick)
            assert not info["alive"]
        if not info["alive"]:
            seen = observed["anna"]
            assert not (seen["observation"] if action_mask == "observation" else seen).any()
            assert np.flatnonzero(mask_of(seen, info)).tolist() == [0]
            assert fainted or rewards["anna"] == 0.0
        assert town.agents == ([] if over else PEOPLE)
        if agents == "fixed":
            assert not any(terminated.values()) and list(truncated.values()) == [over] * 4
        else:
            assert all(truncated[name] == (over and not terminated[name]) for name in PEOPLE)
        assert info["TimeLimit.truncated"] == truncated["anna"]

    play(town, 0, look)
    assert len(died) > 3


def test_slots_and_fixed_differ_in_nothing_but_the_ends_of_episodes() -> None:
    towns = [townlet.parallel_env(hard_times(), agents=agents) for agents in ("slots", "fixed")]
    steps: list[list[Any]] = [[], []]
    for town, seen in zip(towns, steps, strict=True):
        play(town, 3, lambda *outcome, seen=seen: seen.append(outcome))
    for slot, fixed in zip(*steps, strict=True):
        assert slot[1] == fixed[1]
        assert slot[2] == {agent: info["terminated"] for agent, info in fixed[4].items()}
        for agent in PEOPLE:
            np.testing.assert_array_equal(slot[0][agent]["observation"], fixed[0][agent]["observation"])
            assert slot[4][agent]["alive"] == fixed[4][agent]["alive"]


@pytest.mark.parametrize("scenario", ["queue_conflict", "kitchen_breakfast", hard_times()])
@pytest.mark.parametrize("action_mask", ["observation", "info", "none"])
@pytest.mark.filterwarnings("ignore:Observation")
def test_pettingzoos_tests_pass_with_a_fixed_set_of_agents(scenario: Any, action_mask: ActionMask) -> None:
    make = functools.partial(townlet.parallel_env, scenario, agents="fixed", action_mask=action_mask)
    parallel_api_test(make())
    parallel_seed_test(make)
    api_test(parallel_to_aec(make()))


WRAPPERS = {
    "normalize_obs": supersuit.normalize_obs_v0,
    "flatten": supersuit.flatten_v0,
    "agent_indicator": supersuit.agent_indicator_v0,
    "clip_reward": supersuit.clip_reward_v0,
    "pad_observations": supersuit.pad_observations_v0,
    "dtype": lambda town: supersuit.dtype_v0(town, "float64"),
    "nan_noop": lambda town: supersuit.nan_noop_v0(town, no_op_action=0),
    "frame_stack": lambda town: supersuit.frame_stack_v1(town, 3),
    "sticky_actions": lambda town: supersuit.sticky_actions_v0(town, 0.2),
    "max_observation": lambda town: supersuit.max_observation_v0(town, 2),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_supersuits_wrappers_go_through_faints_and_the_time_limit(name: str) -> None:
    town = WRAPPERS[name](townlet.parallel_env(hard_times(), agents="fixed", action_mask="info"))
    town.reset(seed=0)
    steps = fainted = 0
    while town.agents:
        observed, _, terminated, truncated, infos = town.step(dict.fromkeys(town.agents, 0))
        steps += 1
        fainted += sum(info["terminated"] for info in infos.values())
        assert list(observed) == PEOPLE and not any(terminated.values())
    assert steps == 60 and fainted > 12 and all(truncated.values())


@pytest.mark.parametrize("agents", ["people", "slots", "fixed"])
@pytest.mark.parametrize("action_mask", ["observation", "info", "none"])
def test_everybody_has_the_same_keys_in_every_info_and_the_mask_in_one_place(
    agents: Any, action_mask: ActionMask
) -> None:
    town = townlet.parallel_env(hard_times(), agents=agents, action_mask=action_mask)
    of_mode = {"people": set(), "slots": {"alive", "TimeLimit.truncated"}}
    of_mode["fixed"] = of_mode["slots"] | {"terminated"}
    expected = of_mode[agents] | ({"action_mask"} if action_mask == "info" else set())
    observed, infos = town.reset(seed=0)
    ends = 0
    while True:
        assert all(info.keys() == expected for info in infos.values())
        assert all(isinstance(seen, dict) == (action_mask == "observation") for seen in observed.values())
        assert all(town.observation_space(agent).contains(seen) for agent, seen in observed.items())
        if not town.agents:
            break
        observed, _, terminated, _, infos = town.step({})
        ends += sum(terminated.values())
    assert ends > 12 or agents == "fixed"


def test_the_mask_is_the_towns() -> None:
    for action_mask in ("observation", "info"):
        town = townlet.parallel_env("queue_conflict", action_mask=action_mask)
        observed, infos = town.reset(seed=3)
        for a, agent in enumerate(town.agents):
            mask = mask_of(observed[agent], infos[agent])
            assert mask.dtype == np.int8
            np.testing.assert_array_equal(mask, town.town.mask[0, a])
