"""Outcomes of a town: waiting counted stay by stay, whom and what an outcome covers, and which ones apply."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.places import SCENARIOS
from support.towns import Happening, Stage, shower_room

from townlet.behavior import Behavior, HeuristicBehavior, RandomBehavior, ScriptedBehavior
from townlet.config import Scenario, load_scenario
from townlet.metrics import METRICS
from townlet.outcomes import OF_EVERY_TOWN, OF_JOBS, OF_SHOWERS, OutcomeRecorder, record_outcomes
from townlet.world import TALLY, Town

ANNA, BEN, CARA, DAN = 0, 1, 2, 3
#: Desks beside Anna and far from Ben, with a shift for each of them; Cara and Dan have no job.
JOBS: dict[str, Any] = {
    "ticks_per_day": 100,
    "map": {"width": 12},
    "objects": {"desk_1": {"type": "desk", "at": [1, 3]}, "desk_2": {"type": "desk", "at": [10, 3]}},
    "affordances": {"type": {"object": "desk", "ticks": 2, "work": True}},
    "jobs": {
        "near": {"workplace": "desk_1", "start": 5, "end": 20, "wage": 0.1},
        "far": {"workplace": "desk_2", "start": 5, "end": 20, "wage": 0.1},
    },
    "people": {"anna": {"job": "near"}, "ben": {"job": "far"}},
}


class Recorded(Stage):
    """A stage on which every tick is recorded."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.recorder = OutcomeRecorder(self.town)

    def tick(self, **actions: str) -> list[Happening]:
        happened = super().tick(**actions)
        self.recorder.record_tick()
        return happened

    def outcome(self, name: str, *people: int) -> float:
        return self.recorder.pooled(people or None)[name]


def test_somebody_who_joins_at_a_free_object_has_not_waited() -> None:
    stage = Recorded(shower_room())
    stage.tick(anna="request_shower")
    assert stage.role("anna") == "holding"
    for _ in range(2):
        assert (stage.outcome("queueing_mean"), stage.outcome("queueing_p95")) == (0.0, 0.0)
        stage.ticks(4, anna="start")


def test_a_stay_ends_when_the_object_is_reserved_for_the_person() -> None:
    stage = Recorded(shower_room())
    stage.queue_up("anna", "ben")
    stage.ticks(4, anna="start")
    while stage.role("ben") == "waiting":
        stage.tick()
    # The tick in which he joined, and Anna's two uses of three ticks; she passes the shower on in the next.
    assert stage.outcome("queueing_mean", BEN) == 7.0
    stage.ticks(3, ben="start")
    assert stage.outcome("queueing_mean", BEN) == stage.outcome("wait_mean", BEN) == 7.0
    assert stage.outcome("queueing_mean") == 3.5
    assert stage.outcome("queueing_p95") == pytest.approx(6.65)


@pytest.mark.parametrize("leaves", [True, False])
def test_who_gives_up_and_who_still_queues_at_the_end_has_waited_too(leaves: bool) -> None:
    stage = Recorded(shower_room())
    stage.queue_up("anna", "ben")
    stage.ticks(9)
    if leaves:
        stage.ticks(30, ben="leave_queue")
        assert stage.role("ben") == "idle"
    assert stage.outcome("queueing_mean", BEN) == 10.0
    # Waiting per completed wash does not show it: nobody has washed.
    assert stage.outcome("wait_mean", BEN) == stage.recorder.ticks


def test_somebody_who_faints_in_a_queue_has_waited_until_then() -> None:
    stage = Recorded(shower_room(rules={"needs": {"decay": {"hunger": 0.5}, "faint_after": 8}}))
    stage.queue_up("anna", "ben")
    while stage.alive("ben"):
        stage.tick()
    waited = stage.recorder.ticks - 2
    stage.ticks(5)
    assert stage.outcome("queueing_mean", BEN) == waited
    assert stage.outcome("faints_per_1000", BEN) == pytest.approx(1000.0 / stage.tally("ben", "alive_ticks"))


def test_who_yields_goes_on_with_the_same_stay() -> None:
    stage = Recorded(shower_room())
    stage.queue_up("anna", "ben", "cara")
    stage.tick(anna="yield")
    assert stage.queue() == ["anna", "cara"]
    stage.ticks(2)
    # Anna joined at a free shower and is in the queue for three ticks since she yielded.
    assert stage.outcome("queueing_mean", ANNA) == 3.0
    assert stage.outcome("queueing_mean", BEN) == 2.0
    assert stage.outcome("queueing_mean", ANNA, BEN) == 2.5


def test_who_leaves_and_comes_back_begins_another_stay() -> None:
    stage = Recorded(shower_room())
    stage.queue_up("anna", "ben")
    stage.ticks(3)
    stage.tick(ben="leave_queue")
    stage.tick(ben="request_shower")
    stage.tick()
    assert stage.outcome("queueing_mean", BEN) == (4.0 + 2.0) / 2
    # All of it is the price of one wash.
    stage.ticks(8, anna="start")
    stage.tick(anna="leave_queue")
    while not stage.tally("ben", "uses_completed"):
        stage.tick(ben="start")
    assert stage.outcome("wait_mean", BEN) == stage.tally("ben", "waiting_ticks")


def test_nobody_in_a_queue_is_no_waiting() -> None:
    stage = Recorded(shower_room())
    stage.ticks(5)
    assert stage.outcome("queueing_mean") == stage.outcome("queueing_p95") == 0.0
    assert stage.outcome("wait_p95") == 5.0


@pytest.mark.parametrize("behavior", [RandomBehavior, HeuristicBehavior])
def test_the_stays_have_all_the_ticks_that_were_waited(behavior: Callable[[], Behavior]) -> None:
    """Nobody faints here: the tick in which somebody faints in a queue is tallied as waited, but they are gone."""
    town = Town(shower_room(rules={"queue": {"ghost_step_after": 2}}), worlds=3, seed=2)
    recorder, acting = OutcomeRecorder(town), behavior()
    action = np.zeros(town.alive.shape, np.int32)
    floats = np.zeros(action.shape, np.float32), np.zeros(action.shape, np.float32)
    joined = 0
    for _ in range(150):
        acting.act(town, action, *floats)
        town.step(action)
        recorder.record_tick()
        joined += int((town.state.people["joining"] >= 0).sum())
    waited = town.state.tally[..., TALLY.index("waiting_ticks")].sum()
    assert waited > 20 and joined > 20
    assert recorder.pooled()["queueing_mean"] == pytest.approx(waited / joined)


def test_work_and_conflict_are_counted_by_person() -> None:
    stage = Recorded(shower_room(**JOBS))
    stage.queue_up("ben", "cara", "dan")
    stage.tick(dan="push_in")
    stage.tick(anna="request_desk")
    stage.ticks(40, anna="start")
    assert stage.outcome("attendance", ANNA) == 1.0
    assert stage.outcome("attendance", BEN) == 0.0
    assert stage.outcome("attendance") == 0.5
    assert stage.outcome("wages", ANNA) == pytest.approx(100 * stage.tally("anna", "wages_paid") / stage.recorder.ticks)
    assert stage.outcome("wages", ANNA) > 0.0 == stage.outcome("wages", BEN)
    caused = [stage.outcome("queue_conflict_events_per_1000", person) for person in range(4)]
    assert caused == [0.0, 0.0, 0.0, pytest.approx(1000 / stage.recorder.ticks)]
    # Cara has no job, so the outcomes of jobs do not apply to her.
    assert stage.recorder.pooled([CARA]).keys() == {*OF_EVERY_TOWN, *OF_SHOWERS}


def test_use_of_the_showers_and_fairness_follow_from_ticks_of_washing() -> None:
    stage = Recorded(shower_room())
    stage.queue_up("anna")
    stage.ticks(6, anna="start")
    stage.ticks(3)
    assert stage.outcome("utilisation") == stage.outcome("utilisation", BEN) == pytest.approx(6 / 10)
    assert stage.outcome("fairness") == 0.25
    assert stage.outcome("fairness", ANNA) == 1.0
    assert stage.outcome("washes_per_1000") == pytest.approx(1000 * 2 / 40)


@pytest.mark.parametrize(
    ("name", "more"),
    [("kitchen_breakfast", ()), ("queue_conflict", OF_SHOWERS), ("employment_punctuality", OF_JOBS)],
)
def test_outcomes_that_do_not_apply_are_left_out(name: str, more: tuple[str, ...]) -> None:
    scenario = load_scenario(SCENARIOS / f"{name}.yaml")
    outcomes = record_outcomes(ScriptedBehavior(scenario), scenario, worlds=2, seed=1).per_world()
    assert outcomes.keys() == {*OF_EVERY_TOWN, *more} <= METRICS.keys()
    assert all(values.shape == (2,) and np.isfinite(values).all() for values in outcomes.values())


def test_each_worlds_outcomes_are_those_of_that_world_alone() -> None:
    scenario = load_scenario(SCENARIOS / "town_day.yaml")
    together = record_outcomes(HeuristicBehavior(), scenario, worlds=48, seed=4)
    each = together.per_world([1, 3])
    for world in (0, 2, 47):
        alone = record_outcomes(HeuristicBehavior(), scenario, worlds=1, seed=4, first_world=world).pooled([1, 3])
        assert {name: values[world] for name, values in each.items()} == alone
    assert each["attendance"].mean() > 0.5
    # Pooled needs of residents are the mean over worlds, because everybody's day has the same length.
    assert together.pooled([1, 3])["needs_mean_of_residents"] == pytest.approx(each["needs_mean_of_residents"].mean())


def test_uncompiled_code_counts_the_same() -> None:
    program = """
import sys
from pathlib import Path
from townlet.behavior import RandomBehavior
from townlet.config import load_scenario
from townlet.outcomes import record_outcomes
print(record_outcomes(RandomBehavior(), load_scenario(Path(sys.argv[1])), worlds=1, seed=3).pooled())
"""

    def run(**environment: str) -> str:
        command = [sys.executable, "-c", program, str(SCENARIOS / "queue_conflict.yaml")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment})
        return done.stdout

    assert run() == run(NUMBA_DISABLE_JIT="1") != ""
