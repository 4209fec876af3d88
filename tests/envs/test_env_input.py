"""Options, actions and seeds: the environments take any valid form of them and refuse everything else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import townlet
from townlet.envs import TownEnv
from townlet.errors import InputError


def test_an_action_of_an_unknown_agent_is_refused_by_name() -> None:
    town = townlet.parallel_env("queue_conflict")
    town.reset(seed=0)
    with pytest.raises(InputError, match="'zoe_0', expected agents that are present: anna_0, ben_0, cara_0"):
        town.step({"zoe_0": 0})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scenario": "queue_conflct"}, "did you mean 'queue_conflict'"),
        ({"render_mode": "rgb_aray"}, "did you mean 'rgb_array'"),
        ({"action_mask": "infos"}, "did you mean 'info'"),
        ({"agents": "slot"}, "did you mean 'slots'"),
        ({"max_cycles": 0}, "found 0, expected at least 1"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_known_one(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        townlet.parallel_env(**{"scenario": "queue_conflict", **options})


@pytest.mark.parametrize("agents", ["people", "slots"])
@pytest.mark.parametrize("chosen", [0.7, 1.0, -1, 99, 2**32 + 2, float("nan"), None, "0", np.zeros(2, np.int64), [0]])
def test_anything_that_is_not_an_action_is_refused(agents: Any, chosen: Any) -> None:
    town = townlet.parallel_env("queue_conflict", agents=agents)
    with pytest.raises(InputError, match="step: found no episode"):
        town.step({})
    town.reset(seed=0)
    before = town.town.tick
    with pytest.raises(InputError, match=r"actions: anna.*: found .*, expected a whole number from 0 to"):
        town.step({town.agents[0]: chosen})
    assert town.town.tick == before


@pytest.mark.parametrize("chosen", [1, np.int8(1), np.uint64(1), np.array(1), np.array([1])])
def test_an_action_may_be_any_whole_number_of_numpys(chosen: Any) -> None:
    town = townlet.parallel_env("queue_conflict")
    town.reset(seed=0)
    town.step({"anna_0": chosen, "anna_1": float("nan")})
    assert town.town.tick == 1


MAKERS: list[Callable[[], Any]] = [
    functools.partial(townlet.parallel_env, "queue_conflict"),
    functools.partial(townlet.parallel_env, "queue_conflict", agents="slots"),
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
