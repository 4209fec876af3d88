"""PettingZoo's own tests pass, and it makes the built-in scenarios by name."""

from __future__ import annotations

import contextlib
import functools
import io
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gymnasium
import pettingzoo
import pytest
from pettingzoo.test import api_test, max_cycles_test, parallel_api_test, parallel_seed_test, render_test
from pettingzoo.utils import parallel_to_aec
from support.env_play import SCENARIOS, hard_times

import townlet
from townlet.envs import register_environments, town_v0

MASKS = ["observation", "info", "none"]


#: A possible agent need not appear, and the last observation of an agent who left is zeros by design.
EXPECTED = {
    "No agents present but not all possible_agents are terminated or truncated",
    "Observation numpy array is all zeros.",
}


#: PettingZoo exempts its own classic games, whose observations are dictionaries too, from these by name.
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


def test_towns_in_which_everybody_soon_faints_pass_pettingzoos_tests_too() -> None:
    with only_warning(EXPECTED):
        parallel_api_test(townlet.parallel_env(hard_times()))
        api_test(parallel_to_aec(townlet.parallel_env(hard_times(), action_mask="info")))


@pytest.mark.skipif(not hasattr(pettingzoo, "make"), reason="PettingZoo has had a registry since 1.27")
@pytest.mark.parametrize("kind", ["parallel", "aec"])
def test_pettingzoo_makes_the_built_in_scenarios_by_name(kind: Any) -> None:
    made = pettingzoo.make(kind, "townlet/queue_conflict_v0", render_mode="ansi")
    made.reset(seed=0)
    assert str(made) == "queue_conflict_v0"
    assert made.agents == ["anna_0", "ben_0", "cara_0"]


@pytest.mark.filterwarnings("error")
def test_a_second_registration_adds_what_is_missing_and_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = gymnasium.registry["townlet/Town-v0"]
    monkeypatch.delitem(gymnasium.registry, "townlet/QueueConflict-v0")
    if hasattr(pettingzoo, "aec_registry"):
        monkeypatch.delitem(pettingzoo.aec_registry, "townlet/queue_conflict-v0")
    register_environments()
    assert gymnasium.registry["townlet/Town-v0"] is kept
    assert gymnasium.make("townlet/QueueConflict-v0").unwrapped.scenario.name == "queue_conflict"
    if hasattr(pettingzoo, "aec_registry"):
        assert pettingzoo.make("aec", "townlet/queue_conflict_v0").metadata["name"] == "queue_conflict_v0"


def test_a_pettingzoo_without_a_registry_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pettingzoo, "register", raising=False)
    monkeypatch.delitem(gymnasium.registry, "townlet/Town-v0")
    register_environments()
    assert "townlet/Town-v0" in gymnasium.registry
