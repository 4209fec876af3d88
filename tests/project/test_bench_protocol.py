"""The protocol of all measurements: repeats, actions, the town's ticks, and a process for each measurement."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from support.places import QUEUE_CONFLICT

from townlet.bench.process import measure_apart
from townlet.bench.protocol import CACHE_BYTES, cycle_rows, drawn_actions, measure_rates
from townlet.bench.town import tick_function, with_observations
from townlet.bench.trainer import training_scenario
from townlet.config import load_scenario
from townlet.config.find import find_scenario
from townlet.errors import RunError
from townlet.world import Town


def test_rates_are_medians_of_repeats_of_whole_episodes_and_count_what_was_done() -> None:
    ticks, seen = 0, []

    def step() -> None:
        nonlocal ticks
        ticks += 1

    def agent_steps() -> float:
        seen.append(ticks)
        return 3.0 * ticks

    rates = measure_rates(step, agent_steps, seconds=0.01, repeats=4, period=7)
    lengths = {after - before for before, after in zip(seen[::2], seen[1::2], strict=True)}
    assert len(seen) == 8 and len(lengths) == 1
    length = lengths.pop()
    assert length > 0 and length % 7 == 0
    assert seen[0] > length, "a warm-up comes first"
    slowest, fastest = rates["spread"]
    assert 0 < slowest <= rates["agent_steps_per_second"] <= fastest
    assert 0 < rates["core_share"] <= 1


def test_drawn_actions_cover_the_whole_space_in_bounded_memory_and_repeat() -> None:
    actions = drawn_actions(11, (4, 8))
    assert actions.shape == (1024, 4, 8) and set(np.unique(actions)) == set(range(11))
    assert np.array_equal(actions, drawn_actions(11, (4, 8)))
    assert drawn_actions(11, (64, 1000)).nbytes <= CACHE_BYTES
    rows = cycle_rows(actions[:2])
    assert all(np.array_equal(next(rows), actions[index]) for index in (0, 1, 0, 1))


@pytest.mark.parametrize("protocol", ["drawn", "legal"])
def test_the_town_is_reset_at_its_time_limit(protocol: str) -> None:
    town = Town(load_scenario(QUEUE_CONFLICT), worlds=1, seed=0)
    tick = tick_function(town, protocol)
    for _ in range(town.scenario.ticks + 3):
        tick()
    assert town.tick == 3
    assert int(town.state.worlds["clock"][0]) == town.scenario.ticks + 3


def test_observations_take_the_place_of_the_scenarios_own() -> None:
    scenario = load_scenario(QUEUE_CONFLICT)
    hybrid = with_observations(scenario, "hybrid")
    assert hybrid.observations.mode == "hybrid" and hybrid.rules == scenario.rules
    assert with_observations(scenario, None) == scenario
    with pytest.raises(ValidationError, match="compact"):
        with_observations(scenario, "blurred")


def test_a_town_is_measured_without_offers_with_everybody_choosing_in_every_tick() -> None:
    scenario = load_scenario(find_scenario("town_day"))
    assert scenario.observations.offers and scenario.training.network.commitment_ticks
    assert scenario.training.imitation.rollouts
    for mode in ("compact", "full", None):
        seen = with_observations(scenario, mode)
        assert not seen.observations.offers and seen.observations.mode == (mode or "compact")
    training = training_scenario(scenario, "relu", worlds=4, ticks=8, minibatch=32, threads=1).training
    assert training.network.commitment_ticks == training.imitation.rollouts == 0


def test_a_measurement_has_one_core_and_one_thread_and_an_empty_folder_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "probe.py").write_text(
        "import os\n"
        "def look(): return [os.environ['OMP_NUM_THREADS'], os.listdir()]\n"
        "def cores(): return len(os.sched_getaffinity(0))\n"
        "def fail(): raise ValueError('of no use')\n"
        "def hang(): import time; time.sleep(60)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert measure_apart("probe:look", {}) == ["1", []]
    if hasattr(os, "sched_getaffinity"):
        assert measure_apart("probe:cores", {}) == 1
    with pytest.raises(RunError, match=r"^ValueError: of no use$"):
        measure_apart("probe:fail", {})
    with pytest.raises(RunError, match="stopped after"):
        measure_apart("probe:hang", {}, limit=1.0)


def test_a_measuring_process_has_as_many_cores_and_threads_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "probe.py").write_text(
        "import os\ndef look(): return [os.environ['OMP_NUM_THREADS'], len(os.sched_getaffinity(0))]\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    if hasattr(os, "sched_getaffinity"):
        assert measure_apart("probe:look", {}, cores=2) == ["2", min(2, len(os.sched_getaffinity(0)))]
