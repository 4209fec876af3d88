"""Drills: each shows what it is meant to show, and its metrics equal the golden ones.

After an intended change of the rules, run ``python -m pytest tests/world/test_drills.py --write-golden``.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.places import SCENARIOS

from townlet.behavior import ScriptedBehavior
from townlet.capture.sample_metrics import capture_metrics
from townlet.config import Scenario, load_scenario
from townlet.files.storage import pretty_json
from townlet.rollout import RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.world import CONFLICT_KINDS, EVENT_KINDS, SHIFT_STATES, Town
from townlet.world.state.arrays import USING
from townlet.world.state.events import ILLEGAL_ACTIONS

GOLDEN = Path(__file__).parent / "golden"
DRILLS = (
    "queue_conflict",
    "employment_punctuality",
    "rivalry_decay",
    "observation_baseline",
    "kitchen_breakfast",
)


@dataclass
class Drill:
    """A complete scripted run."""

    scenario: Scenario
    buffer: RolloutBuffer
    metrics: dict[str, Any]
    events: list[tuple[int, str, str, str]] = field(default_factory=list)
    """Tick, kind, actor and rival of each event."""
    rivalry: list[float] = field(default_factory=list)
    """Strongest grudge in the town after each tick."""
    shifts: list[tuple[str, ...]] = field(default_factory=list)
    """Everybody's shift state after each tick."""
    using: int = 0
    """People who were still using an object when the drill ended."""

    def count(self, kind: str, actor: str | None = None) -> int:
        return sum(k == kind and actor in (None, a) for _, k, a, _ in self.events)


@cache
def play(name: str) -> Drill:
    scenario = load_scenario(SCENARIOS / f"{name}.yaml")
    loop = SimulationLoop(scenario, worlds=1, seed=scenario.seed)
    drill = Drill(scenario, loop.new_buffer(scenario.ticks), {})
    people = [*scenario.people, ""]

    def note(town: Town, tick: int) -> None:
        state = town.state
        for event in state.events[0, : state.worlds[0].event_count]:
            drill.events.append((tick, EVENT_KINDS[event.kind], people[event.actor], people[event.rival]))
        drill.rivalry.append(float(state.grudges["strength"].max()))
        drill.shifts.append(tuple(SHIFT_STATES[s] for s in state.people["shift_state"][0]))
        drill.using = int((state.people["role"] == USING).sum())

    behavior = ScriptedBehavior(scenario)
    loop.collect(drill.buffer, behavior, note)
    tally, counter = loop.town.state.tally, loop.town.state.counter
    drill.metrics = capture_metrics(loop.town.people, tally, counter, drill.buffer.totals, 0.0, True)
    return drill


def numbers(content: Any, path: str = "") -> dict[str, float]:
    """The numbers in nested mappings, by their path."""
    if not isinstance(content, dict):
        return {path: content}
    return {key: value for name in content for key, value in numbers(content[name], f"{path}/{name}").items()}


@pytest.mark.parametrize("name", DRILLS)
def test_metrics_equal_the_golden_ones(name: str, request: pytest.FixtureRequest) -> None:
    file = GOLDEN / f"{name}.json"
    metrics = play(name).metrics
    if request.config.getoption("--write-golden"):
        file.write_text(pretty_json(metrics))
    golden = numbers(json.loads(file.read_text()))
    assert numbers(metrics) == pytest.approx(golden, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", DRILLS)
def test_no_scripted_action_is_illegal_and_nobody_faints(name: str) -> None:
    drill = play(name)
    assert drill.metrics["total"]["illegal_actions"] == 0
    assert drill.count("faint") == 0
    assert drill.buffer.alive.all()


@pytest.mark.parametrize("name", DRILLS)
def test_no_reward_reaches_its_clip(name: str) -> None:
    drill = play(name)
    assert not drill.buffer.clipped.any()
    assert drill.metrics["total"]["clipped_reward_share"] == 0.0


@pytest.mark.parametrize("name", [name for name in DRILLS if name != "observation_baseline"])
def test_uses_finish_and_rewards_vary(name: str) -> None:
    drill = play(name)
    starts = drill.buffer.action == drill_action(drill, "start")
    assert starts.sum() > 0
    assert drill.count("use_completed") + drill.using == starts.sum()
    assert drill.using <= 1
    for person in range(len(drill.scenario.people)):
        assert drill.buffer.reward[:, 0, person].std() > 0.001


def drill_action(drill: Drill, name: str) -> int:
    return Town(drill.scenario, worlds=1, seed=0).action_names.index(name)


@pytest.mark.parametrize("name", DRILLS)
def test_the_same_drill_with_other_seeds_still_runs_without_illegal_actions_or_clipping(name: str) -> None:
    scenario = load_scenario(SCENARIOS / f"{name}.yaml")
    loop = SimulationLoop(scenario, worlds=32, seed=99)
    buffer = loop.new_buffer(scenario.ticks)
    loop.collect(buffer, ScriptedBehavior(scenario))
    assert loop.town.state.counter[:, ILLEGAL_ACTIONS].sum() == 0
    assert not buffer.clipped.any()


def test_queue_conflict_has_every_kind_of_conflict_and_every_courtesy() -> None:
    drill = play("queue_conflict")
    happened = Counter(kind for _, kind, _, _ in drill.events)
    for kind in (*CONFLICT_KINDS, "hand_over", "yield"):
        assert happened[kind] > 0, kind


def test_queue_conflict_shows_rotation() -> None:
    drill = play("queue_conflict")
    turns = [actor for _, kind, actor, _ in drill.events if kind == "use_completed"]
    assert set(turns) == set(drill.scenario.people)
    # The object changes hands after most of the uses; only a camper keeps it.
    assert sum(a != b for a, b in pairwise(turns)) > len(turns) / 2


def test_queue_conflict_takes_rivalry_past_the_avoid_threshold() -> None:
    drill = play("queue_conflict")
    assert max(drill.rivalry) >= drill.scenario.rules.rivalry.avoid_threshold
    assert drill.metrics["total"]["conflict.rivalry_avoid_count_max_avg"] > 0


def test_rivalry_decay_rises_over_its_threshold_and_returns_to_nothing() -> None:
    drill = play("rivalry_decay")
    peak = int(np.argmax(drill.rivalry))
    assert drill.rivalry[0] == 0.0
    assert drill.rivalry[peak] > 0.7 == drill.scenario.rules.rivalry.avoid_threshold
    assert drill.rivalry[-1] == 0.0
    last_conflict = max(tick for tick, kind, _, _ in drill.events if kind in CONFLICT_KINDS)
    fading = drill.rivalry[last_conflict:]
    assert all(later <= earlier for earlier, later in pairwise(fading))
    assert drill.count("avoidance") > 0


def test_observation_baseline_does_not_move() -> None:
    drill = play("observation_baseline")
    assert drill.events == []
    assert max(drill.rivalry) == 0.0
    constant(drill.buffer.observation)
    constant(drill.buffer.mask)
    constant(drill.buffer.reward)
    assert (drill.buffer.cut_observation[0] == drill.buffer.observation[0]).all()
    assert (drill.buffer.action == 0).all()


def constant(array: NDArray[Any]) -> None:
    assert (array == array[0]).all()


def test_kitchen_breakfast_passes_without_conflict() -> None:
    drill = play("kitchen_breakfast")
    assert {kind for _, kind, _, _ in drill.events} == {"use_completed"}
    assert max(drill.rivalry) == 0.0
    for person in drill.scenario.people:
        assert drill.count("use_completed", person) == 3
    assert drill.using == 0


def test_employment_shows_punctuality_lateness_and_absence() -> None:
    drill = play("employment_punctuality")
    dawn, erin = (set(states) for states in zip(*drill.shifts, strict=True))
    assert dawn == {"off", "due", "on_time", "done"}
    assert erin == {"off", "due", "late", "done", "absent"}
    assert drill.count("on_time_arrival", "dawn") == 2
    assert drill.count("late_arrival", "erin") == 1
    assert drill.count("absence", "erin") == 1


def test_employment_pays_those_at_work_and_withholds_wages_from_the_others() -> None:
    people = play("employment_punctuality").metrics["people"]
    assert people["dawn"]["wages_paid"] > 10 * 0.03
    assert people["dawn"]["wages_withheld"] == 0.0
    assert people["erin"]["wages_withheld"] > 20 * 0.03  # the whole second day and some of the first
    assert people["erin"]["reward_punctuality_mean"] < 0 == people["dawn"]["reward_punctuality_mean"]


def test_employment_has_conflicts_at_the_counter_between_the_two() -> None:
    drill = play("employment_punctuality")
    pairs = {frozenset((actor, rival)) for _, kind, actor, rival in drill.events if kind in CONFLICT_KINDS}
    assert pairs == {frozenset(("dawn", "erin"))}
