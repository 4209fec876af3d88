"""The Gymnasium environment of one person."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from support.committed import choices, committed
from support.env_play import SCENARIOS, hard_times, legal_draw

from townlet.behavior import RandomBehavior, ScriptedBehavior
from townlet.envs import TownEnv
from townlet.envs.registration import gymnasium_id
from townlet.errors import InputError
from townlet.world import Town


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_gymnasiums_checker_passes_without_a_warning(scenario: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(gymnasium_id(scenario)).unwrapped)


def test_gymnasium_finds_the_scenarios_by_the_name_of_the_module() -> None:
    program = "import gymnasium as g; print(g.make('townlet.envs:townlet/QueueConflict-v0').unwrapped.person)"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "anna\n"


def test_importing_townlet_loads_neither_numba_nor_an_environment_library() -> None:
    program = "import sys, townlet; print([m for m in ('numba', 'gymnasium', 'pettingzoo') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_others_scripted_makes_the_others_follow_their_schedule() -> None:
    environment = TownEnv("queue_conflict", person="ben", others="scripted")
    environment.reset(seed=5)
    town = Town(environment.scenario, worlds=1, seed=5)
    scripted = ScriptedBehavior(environment.scenario)
    action = np.zeros((1, 3), np.int32)
    unused = np.zeros((2, 1, 3), np.float32)
    for _ in range(40):
        scripted.act(town, action, *unused)
        action[0, 1] = 0
        town.step(action)
        observation, reward, *_ = environment.step(0)
        np.testing.assert_array_equal(observation, town.observation[0, 1])
        assert reward == town.reward[0, 1]


def test_a_behaviour_may_be_given_as_an_object() -> None:
    seen = []
    for others in ("random", RandomBehavior()):
        environment = TownEnv("queue_conflict", others=others)
        environment.reset(seed=3)
        seen.append([environment.step(0)[0] for _ in range(30)])
    np.testing.assert_array_equal(*seen)


def test_the_others_may_be_a_policy_by_its_name_where_the_town_shows_what_it_needs() -> None:
    environment = TownEnv("town_day", others="generalist")
    environment.reset(seed=0)
    before = environment.town.state.people.copy()
    for _ in range(10):
        environment.step(0)
    assert (environment.town.state.people["tile"] != before["tile"]).any()
    with pytest.raises(InputError, match=r"others: found 'generalist', expected .* \(offers true\)"):
        TownEnv("queue_conflict", others="generalist")


def test_the_others_may_follow_a_policy_that_commits_itself() -> None:
    town = Town(TownEnv("queue_conflict").scenario, worlds=1, seed=5)
    policy = committed(town, 12)
    environment = TownEnv("queue_conflict", person="ben", others=policy)
    environment.reset(seed=5)
    asked = 0
    for _ in range(60):
        made = choices(policy, town)
        asked += int(made.asked.sum())
        made.action[0, 1] = 0
        town.step(made.action)
        observation, reward, *_ = environment.step(0)
        np.testing.assert_array_equal(observation, town.observation[0, 1])
        assert reward == town.reward[0, 1]
    assert 0 < asked < 60 * 3


def test_the_episode_terminates_when_the_person_faints_and_not_when_others_do() -> None:
    environment = TownEnv(hard_times(people={"anna": {"needs": {"hygiene": 1.0}}}), person="anna")
    environment.reset(seed=0)
    others_left = False
    while True:
        observation, reward, terminated, truncated, info = environment.step(0)
        assert not truncated
        if terminated:
            break
        others_left |= not environment.town.alive[0, 1:].any()
    assert others_left
    assert not observation.any() and reward != 0.0
    assert np.flatnonzero(info["action_mask"]).tolist() == [0]


def test_at_the_time_limit_the_episode_is_truncated() -> None:
    environment = TownEnv("observation_baseline")
    environment.reset(seed=0)
    ends = [environment.step(0)[2:4] for _ in range(20)]
    assert ends == [(False, False)] * 19 + [(False, True)]


def test_a_legal_random_walk_stays_within_the_observation_space() -> None:
    environment = TownEnv("queue_conflict")
    observation, info = environment.reset(seed=1)
    generator = np.random.default_rng(1)
    for _ in range(80):
        assert observation in environment.observation_space
        action = legal_draw(info["action_mask"][None] == 1, generator)[0]
        observation, _, terminated, truncated, info = environment.step(action)
        if terminated or truncated:
            break


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"person": "bne"}, "did you mean 'ben'"),
        ({"others": "randm"}, "did you mean 'random'"),
        ({"render_mode": "ascii"}, "did you mean 'ansi'"),
        ({"action_mask": "observe"}, "did you mean 'observation'"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_known_one(options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TownEnv("queue_conflict", **options)


def test_steps_outside_an_episode_and_invalid_actions_are_refused() -> None:
    environment = TownEnv("observation_baseline")
    with pytest.raises(InputError, match="step: found no episode, expected a call of reset first"):
        environment.step(0)
    environment.reset(seed=0)
    for chosen in (0.7, -1, 99, 2**32 + 2, float("nan"), True, np.True_, None):
        with pytest.raises(InputError, match="expected a whole number from 0 to"):
            environment.step(chosen)
    for _ in range(20):
        environment.step(np.int64(0))
    with pytest.raises(InputError, match="step: found an episode that has ended"):
        environment.step(0)
