"""The town behind PettingZoo's parallel API."""

from __future__ import annotations

import contextlib
import functools
import io
import pickle
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pettingzoo
import pytest
from pettingzoo.test import api_test, max_cycles_test, parallel_api_test, parallel_seed_test, render_test
from pettingzoo.utils import parallel_to_aec
from support.env_play import SCENARIOS, hard_times, play

import townlet
from townlet.config import load_scenario
from townlet.config.find import find_scenario
from townlet.config.rules import ObservationConfig
from townlet.envs import TownEnv, town_v0
from townlet.errors import InputError

MASKS = ["observation", "info", "none"]

#: An agent that may come need not, and the last observation of one who left is documented to be zeros.
EXPECTED = {
    "No agents present but not all possible_agents are terminated or truncated",
    "Observation numpy array is all zeros.",
}
#: PettingZoo's own classic games, whose observations are dictionaries too, are exempt from these by name.
EXPECTED_OF_DICTIONARIES = {
    "Observation space for each agent probably should be gymnasium.spaces.box or gymnasium.spaces.discrete",
    "Observation is not a NumPy array",
}


@contextlib.contextmanager
def only_warning(allowed: set[str]) -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    assert {str(entry.message) for entry in caught} <= allowed


@pytest.mark.parametrize("action_mask", MASKS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_pettingzoos_tests_of_the_parallel_api_pass(scenario: str, action_mask: Any) -> None:
    make = functools.partial(townlet.parallel_env, scenario, action_mask=action_mask)
    with only_warning(EXPECTED):
        parallel_api_test(make())
        parallel_seed_test(make)


@pytest.mark.parametrize("action_mask", MASKS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_pettingzoos_tests_of_the_agent_cycle_pass_on_the_conversion(scenario: str, action_mask: Any) -> None:
    with only_warning(EXPECTED | (EXPECTED_OF_DICTIONARIES if action_mask == "observation" else set())):
        api_test(parallel_to_aec(townlet.parallel_env(scenario, action_mask=action_mask)))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_pettingzoos_tests_of_length_and_rendering_pass_on_the_module(scenario: str) -> None:
    module = SimpleNamespace(
        env=functools.partial(town_v0.env, scenario), parallel_env=functools.partial(town_v0.parallel_env, scenario)
    )
    with only_warning(set()), contextlib.redirect_stdout(io.StringIO()):
        max_cycles_test(module)
        render_test(module.env)


def test_towns_in_which_nobody_lasts_pass_pettingzoos_tests_too() -> None:
    with only_warning(EXPECTED):
        parallel_api_test(townlet.parallel_env(hard_times()))
        api_test(parallel_to_aec(townlet.parallel_env(hard_times(), action_mask="info")))


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
def test_every_mode_of_observation_has_spaces_that_hold(mode: Any) -> None:
    scenario = load_scenario(find_scenario("queue_conflict"))
    town = townlet.parallel_env(scenario.model_copy(update={"observations": ObservationConfig(mode=mode)}))

    def look(observations: dict[str, Any], *_: Any) -> None:
        assert all(town.observation_space(agent).contains(seen) for agent, seen in observations.items())

    play(town, 0, look)
    assert townlet.vector_env(town.scenario, worlds=2).reset()[0].shape == (6, len(town.town.observation_schema))


def test_the_mask_beside_the_observation_is_the_one_in_the_info_and_the_towns() -> None:
    town = townlet.parallel_env("queue_conflict")
    observations, infos = town.reset(seed=3)
    for a, agent in enumerate(town.agents):
        assert infos[agent]["action_mask"].dtype == np.int8
        np.testing.assert_array_equal(infos[agent]["action_mask"], town.town.mask[0, a])
        np.testing.assert_array_equal(infos[agent]["action_mask"], observations[agent]["action_mask"])


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


def test_an_action_of_somebody_who_is_not_there_is_refused_by_name() -> None:
    town = townlet.parallel_env("queue_conflict")
    town.reset(seed=0)
    with pytest.raises(InputError, match="'zoe_0', expected agents that are present: anna_0, ben_0, cara_0"):
        town.step({"zoe_0": 0})


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


def test_environments_that_nobody_seeded_are_different_worlds() -> None:
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


def test_in_the_view_of_places_the_same_agents_act_in_every_step() -> None:
    town = townlet.parallel_env(hard_times(), agents="slots")
    people = ["anna", "ben", "cara", "dan"]
    died: list[int] = []
    at_first = town.reset(seed=0)[1]["anna"]

    def look(observed: dict[str, Any], rewards: Any, terminated: Any, truncated: Any, infos: dict[str, Any]) -> None:
        assert list(observed) == list(rewards) == list(terminated) == list(truncated) == list(infos) == people
        if terminated["anna"]:
            died.append(town.town.tick)
        if not infos["anna"]["alive"]:
            assert not observed["anna"]["observation"].any()
            assert infos["anna"]["action_mask"].tolist() == [1] + [0] * (len(town.town.action_names) - 1)
            assert terminated["anna"] or rewards["anna"] == 0.0
        over = town.town.tick == 60
        assert town.agents == ([] if over else people)
        assert all(truncated[name] == (over and not terminated[name]) for name in people)
        assert infos["anna"]["TimeLimit.truncated"] == truncated["anna"]
        assert infos["anna"].keys() == at_first.keys()

    play(town, 0, look)
    assert len(died) > 3


@pytest.mark.parametrize("kind", ["parallel", "aec"])
def test_pettingzoo_makes_the_built_in_scenarios_by_name(kind: Any) -> None:
    made = pettingzoo.make(kind, "townlet/queue_conflict_v0", render_mode="ansi")
    made.reset(seed=0)
    assert str(made) == "queue_conflict_v0"
    assert made.agents == ["anna_0", "ben_0", "cara_0"]


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
def test_what_is_no_action_is_refused(agents: Any, chosen: Any) -> None:
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


def test_without_masks_there_are_none() -> None:
    observations, infos = townlet.parallel_env("queue_conflict", action_mask="none").reset(seed=0)
    assert infos["anna_0"] == {} and observations["anna_0"].ndim == 1


MAKERS: list[Callable[[], Any]] = [
    functools.partial(townlet.parallel_env, "queue_conflict"),
    functools.partial(townlet.parallel_env, "queue_conflict", agents="slots"),
    functools.partial(townlet.vector_env, "queue_conflict", worlds=1),
    functools.partial(TownEnv, "queue_conflict"),
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("seed", [-1, np.int64(-1), 1.5, 1.0, True, np.True_, np.float32(2), "7", [1, 2, 3]])
def test_what_is_no_seed_is_refused(make: Callable[[], Any], seed: Any) -> None:
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
