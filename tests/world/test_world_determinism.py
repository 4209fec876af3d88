"""Determinism: the same seed gives the same town, in any batch, with any other worlds, compiled or not."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from numpy.typing import NDArray
from support import world_digest
from support.any_town import scenarios
from support.busy_corner import busy_corner
from support.places import SCENARIOS, TESTS
from support.world_digest import play

from townlet.behavior import RandomBehavior
from townlet.config import Scenario, load_scenario
from townlet.world import COUNTERS, Town
from townlet.world.engine.compile import COMPILED

TICKS = 300


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(SCENARIOS / "queue_conflict.yaml")


def test_the_same_seed_gives_the_same_bytes(scenario: Scenario) -> None:
    runs = {play(Town(scenario, worlds=3, seed=5), TICKS) for _ in range(2)}
    assert len(runs) == 1


def test_different_seeds_and_different_worlds_give_different_histories(scenario: Scenario) -> None:
    seeds = {play(Town(scenario, worlds=1, seed=seed), 40) for seed in range(8)}
    worlds = {play(Town(scenario, worlds=1, seed=5, first_world=world), 40) for world in range(8)}
    assert (len(seeds), len(worlds)) == (8, 8)


# 32 worlds are stepped together.
@pytest.mark.parametrize("first", [0, 5, 31])
@pytest.mark.parametrize("beside", [1, 3])
def test_a_worlds_history_depends_on_neither_the_batch_nor_the_worlds_beside_it(
    scenario: Scenario, first: int, beside: int
) -> None:
    whole = Town(scenario, worlds=40, seed=5)
    part = Town(scenario, worlds=beside, seed=5, first_world=first)
    behavior = RandomBehavior()
    for _ in range(TICKS):
        actions = []
        for town in (whole, part):
            shape = town.state.people.shape
            action = np.zeros(shape, np.int32)
            behavior.act(town, action, np.zeros(shape, np.float32), np.zeros(shape, np.float32))
            town.step(action)
            actions.append(action)
        same = slice(first, first + beside)
        assert (actions[0][same] == actions[1]).all()
        for ours, theirs in zip(whole.state, part.state, strict=True):
            assert ours[same].tobytes() == theirs.tobytes()


def test_parts_of_a_batch_live_as_the_whole_does_whichever_is_ahead(scenario: Scenario) -> None:
    whole, shared = (Town(scenario, worlds=5, seed=5) for _ in range(2))
    lived(whole, TICKS)
    for worlds in (slice(3, 5), slice(0, 2), slice(2, 3)):
        part = shared.part(worlds)
        lived(part, TICKS)
        assert part.tick == whole.tick
    for ours, theirs in zip(whole.state, shared.state, strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_a_reset_with_a_seed_is_a_fresh_start_but_without_one_the_next_episode_differs(scenario: Scenario) -> None:
    fresh = lived(Town(scenario, worlds=2, seed=5))
    town = Town(scenario, worlds=2, seed=9)
    lived(town)
    town.reset(seed=5)
    assert not town.state.tally.any() and not town.state.counter.any()
    again = lived(town)
    assert all((a == b).all() for a, b in zip(fresh, again, strict=True))
    town.reset()
    assert town.tick == 0
    assert any((a != b).any() for a, b in zip(fresh, lived(town), strict=True))


def lived(town: Town, ticks: int = 60) -> list[NDArray[Any]]:
    """Observations, masks and rewards of some ticks of random actions, and the tallies after them."""
    behavior = RandomBehavior()
    shape = town.state.people.shape
    action = np.zeros(shape, np.int32)
    history: list[NDArray[Any]] = []
    for _ in range(ticks):
        behavior.act(town, action, np.zeros(shape, np.float32), np.zeros(shape, np.float32))
        town.step(action)
        history += [town.observation.copy(), town.mask.copy(), town.reward.copy()]
    return [*history, town.state.tally.copy(), town.state.counter.copy()]


@pytest.mark.skipif(not COMPILED, reason="rules run as plain Python")
@pytest.mark.parametrize("name", ["queue_conflict", "employment_punctuality"])
def test_compiled_and_interpreted_drills_agree_bit_for_bit(name: str) -> None:
    assert_both_agree([load_scenario(SCENARIOS / f"{name}.yaml")], TICKS)


@pytest.mark.skipif(not COMPILED, reason="rules run as plain Python")
def test_a_compiled_and_an_interpreted_day_in_town_agree_bit_for_bit() -> None:
    assert_both_agree([load_scenario(SCENARIOS / "town_day.yaml")], 60)


@pytest.mark.skipif(not COMPILED, reason="rules run as plain Python")
def test_compiled_and_interpreted_rules_agree_whatever_people_see_where_everything_happens() -> None:
    assert_both_agree([busy_corner(mode) for mode in ("compact", "hybrid", "full")], 240)
    town = Town(busy_corner(), worlds=2, seed=5)
    play(town, 240)
    unheard_of = [name for name, total in zip(COUNTERS, town.state.counter.sum(0), strict=True) if total == 0]
    assert unheard_of == []


@pytest.fixture(scope="module")
def any_towns() -> list[Scenario]:
    towns: list[Scenario] = []

    @settings(max_examples=40, derandomize=True, database=None, phases=[Phase.generate])
    @given(scenarios())
    def collect(scenario: Scenario) -> None:
        towns.append(scenario)

    collect()
    assert len(towns) == 40
    return towns


@pytest.mark.skipif(not COMPILED, reason="rules run as plain Python")
def test_compiled_and_interpreted_rules_agree_in_any_town(any_towns: list[Scenario]) -> None:
    assert_both_agree(any_towns, 60)


@pytest.mark.skipif(not COMPILED, reason="rules run as plain Python")
def test_no_compiled_rule_reads_or_writes_outside_an_array(any_towns: list[Scenario]) -> None:
    corners = [busy_corner(mode) for mode in ("compact", "hybrid", "full")]
    names = ("town_day", "queue_conflict", "employment_punctuality")
    shipped = [load_scenario(SCENARIOS / f"{name}.yaml") for name in names]
    assert_both_agree([*any_towns, *corners, *shipped], 80, variable="NUMBA_BOUNDSCHECK")


def assert_both_agree(towns: list[Scenario], ticks: int, variable: str = "NUMBA_DISABLE_JIT") -> None:
    """Assert that towns have the same history here, compiled, and in a process with an environment variable set.

    By default that variable has rules run as plain Python.
    """
    done = subprocess.run(
        [sys.executable, "-m", world_digest.__name__, str(ticks)],
        input="\n".join(town.model_dump_json() for town in towns),
        capture_output=True,
        text=True,
        env={**os.environ, variable: "1"},
        cwd=TESTS,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [play(Town(town, worlds=2, seed=5), ticks) for town in towns]
