"""Options, actions and seeds: the environments take any valid form of them and refuse everything else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pettingzoo.utils import parallel_to_aec
from support.env_play import hard_times

import townlet
from townlet.envs import TownEnv, town_v0
from townlet.errors import InputError


@pytest.mark.parametrize("agents", ["people", "slots", "fixed"])
def test_an_action_of_an_unknown_agent_is_refused_by_name_and_changes_nothing(agents: Any) -> None:
    town = townlet.parallel_env("queue_conflict", agents=agents)
    town.reset(seed=0)
    present = ", ".join(town.agents)
    with pytest.raises(InputError, match=f"'zoe_0', expected agents that are present: {present}"):
        town.step({town.agents[0]: 0, "zoe_0": 0})
    with pytest.raises(InputError, match="found list, expected a dictionary of actions by agent"):
        town.step([0, 0, 0])  # type: ignore[arg-type]
    assert town.town.tick == 0
    town.step({})
    assert town.town.tick == 1


def test_actions_of_everybody_who_is_possible_are_taken_in_every_step() -> None:
    """Some libraries act for all possible agents in every step, whether they are there or not."""
    town = townlet.parallel_env(hard_times(), action_mask="info")
    town.reset(seed=0)
    seen: set[str] = set()
    while town.agents:
        seen |= set(town.agents)
        town.step(dict.fromkeys(town.possible_agents, 0))
    assert seen == set(town.possible_agents)


@pytest.mark.parametrize("make", [town_v0.env, lambda name: parallel_to_aec(town_v0.parallel_env(name))])
def test_the_agent_cycle_takes_no_step_out_of_order_and_nothing_but_actions(make: Callable[[str], Any]) -> None:
    cycle = make("queue_conflict")
    with pytest.raises((AssertionError, AttributeError), match="reset"):
        cycle.step(0)
    for chosen in (2.7, True, -1, 99, float("nan"), np.True_, torch.tensor(True)):
        cycle.reset(seed=0)
        with pytest.raises((AssertionError, InputError)):
            for _ in range(3):
                cycle.step(chosen)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scenario": "queue_conflct"}, "did you mean 'queue_conflict'"),
        ({"render_mode": "rgb_aray"}, "did you mean 'rgb_array'"),
        ({"action_mask": "infos"}, "did you mean 'info'"),
        ({"agents": "slot"}, "did you mean 'slots'"),
        ({"agents": "fix"}, "did you mean 'fixed'"),
        ({"max_cycles": 0}, "found 0, expected a whole number, at least 1"),
        ({"max_cycles": 2.5}, "found 2.5, expected a whole number, at least 1"),
        ({"commitment_ticks": -1}, "found -1, expected a whole number, at least 0"),
        ({"commitment_ticks": True}, "found True, expected a whole number, at least 0"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_known_one(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        townlet.parallel_env(**{"scenario": "queue_conflict", **options})


NO_ACTIONS: list[Any] = [0.7, 1.0, -1, 99, 2**32 + 2, float("nan"), None, "0", np.zeros(2, np.int64), [0]]
NO_ACTIONS += [True, np.True_, torch.tensor(True), torch.tensor(2.0), torch.zeros(2, dtype=torch.int64)]


@pytest.mark.parametrize("agents", ["people", "slots", "fixed"])
@pytest.mark.parametrize("chosen", NO_ACTIONS)
def test_anything_that_is_not_an_action_is_refused(agents: Any, chosen: Any) -> None:
    town = townlet.parallel_env("queue_conflict", agents=agents)
    with pytest.raises(InputError, match="step: found no episode"):
        town.step({})
    town.reset(seed=0)
    before = town.town.tick
    with pytest.raises(InputError, match=r"actions: anna.*: found .*, expected a whole number from 0 to"):
        town.step({town.agents[0]: chosen})
    assert town.town.tick == before


@pytest.mark.parametrize("chosen", [1, np.int8(1), np.uint64(1), np.array(1), np.array([1]), torch.tensor(1)])
def test_an_action_may_be_any_whole_number_of_numpys_or_torchs(chosen: Any) -> None:
    town = townlet.parallel_env("queue_conflict")
    town.reset(seed=0)
    town.step({"anna_0": chosen, "anna_1": float("nan")})
    assert town.town.tick == 1


MAKERS: list[Callable[[], Any]] = [
    functools.partial(townlet.parallel_env, "queue_conflict"),
    functools.partial(townlet.parallel_env, "queue_conflict", agents="slots"),
    functools.partial(townlet.parallel_env, "queue_conflict", agents="fixed"),
    functools.partial(townlet.vector_env, "queue_conflict", worlds=1),
    functools.partial(TownEnv, "queue_conflict"),
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("seed", [-1, np.int64(-1), 1.5, 1.0, True, np.True_, np.float32(2), "7", [1, 2, 3]])
def test_anything_that_is_not_a_seed_is_refused(make: Callable[[], Any], seed: Any) -> None:
    with pytest.raises(InputError, match=r"seed: found .*, expected a whole number from 0 on"):
        make().reset(seed=seed)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("seed", [0, 7, np.int32(7), np.uint64(2**63), 2**63, 2**64 - 1, 2**200])
def test_any_whole_number_is_a_seed_and_repeats_itself(make: Callable[[], Any], seed: Any) -> None:
    states = []
    for given in (seed, int(seed), int(seed) + 1):
        environment = make()
        environment.reset(seed=given)
        states.append(environment.town.observation.copy())
    np.testing.assert_array_equal(*states[:2])
    assert not np.array_equal(*states[1:])
