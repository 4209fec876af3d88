"""The heuristic behaviour: alone, in a queue, at work, among rivals, and in a whole town."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from support.any_town import scenarios
from support.places import SCENARIOS
from support.square import square
from support.towns import Happening, Stage, kinds, merge, shower_room

from townlet.behavior import Behavior, HeuristicBehavior, RandomBehavior
from townlet.capture import capture_rollout
from townlet.config import Scenario, load_scenario
from townlet.rollout import aligned_zeros
from townlet.world import COUNTERS, TALLY, Town

#: Two people alone with one shower.
PAIR: dict[str, Any] = {"people": {"cara": None, "dan": None}, "rules": {"needs": {"decay": {"hygiene": 0.005}}}}


def choose(stage: Stage) -> dict[str, str]:
    """The action that the heuristic chooses for each person."""
    town = stage.town
    action = choices(HeuristicBehavior(), town)
    return {name: town.action_names[action[0, a]] for a, name in enumerate(town.people)}


def choices(behavior: Behavior, town: Town) -> np.ndarray:
    shape = town.state.people.shape
    action = aligned_zeros(shape, np.int32)
    behavior.act(town, action, aligned_zeros(shape, np.float32), aligned_zeros(shape, np.float32))
    return action


def play(stage: Stage, ticks: int, *, only: str | None = None) -> list[Happening]:
    """Let the heuristic act, for everybody or for one person while all others wait; returns the events."""
    events = []
    for _ in range(ticks):
        chosen = choose(stage)
        events += stage.tick(**(chosen if only is None else {only: chosen[only]}))
    return events


def needy(**levels: float) -> dict[str, Any]:
    """People with these levels of hygiene."""
    return {name: {"needs": {"hygiene": level}} for name, level in levels.items()}


def test_a_person_in_need_walks_to_what_helps_and_uses_it() -> None:
    stage = Stage(shower_room(**merge(PAIR, {"people": {"anna": {"at": [0, 0]}, "ben": {"needs": {"hygiene": 1.0}}}})))
    events = play(stage, 20)
    assert ("use_completed", "anna") in [(event.kind, event.actor) for event in events]
    assert stage.need("anna") > 0.4


def test_a_satisfied_person_lets_go_at_once() -> None:
    rules = {"affordances": {"wash": {"ticks": 20, "effects": {"hygiene": 1.0}}}}
    stage = Stage(shower_room(**merge(PAIR, {**rules, "people": needy(anna=0.8, ben=1.0)})))
    play(stage, 9)
    assert stage.need("anna") > 0.95 and stage.role("anna") == "idle"


def test_nobody_starts_over_while_others_wait() -> None:
    stage = Stage(shower_room(rules=PAIR["rules"]))
    stage.queue_up("anna", "ben")
    turns = [event.actor for event in play(stage, 12) if event.kind == "use_completed"]
    assert turns[:2] == ["anna", "ben"]


def test_people_yield_to_somebody_who_is_worse_off() -> None:
    stage = Stage(shower_room(**merge(PAIR, {"people": needy(anna=0.6, ben=0.1)})))
    stage.queue_up("anna", "ben")
    assert choose(stage)["anna"] == "yield"
    stage = Stage(shower_room(**merge(PAIR, {"people": needy(anna=0.1, ben=0.05)})))
    stage.queue_up("anna", "ben")
    assert choose(stage)["anna"] == "start"


def test_people_who_are_not_in_urgent_need_yield_to_a_rival() -> None:
    for grudge, expected in ((0.6, "yield"), (0.1, "start")):
        stage = Stage(shower_room(**merge(PAIR, {"people": needy(anna=0.6, ben=0.6)})))
        stage.queue_up("anna", "ben")
        stage.set_rivalry("anna", ben=grudge)
        assert choose(stage)["anna"] == expected


def test_people_who_hold_an_object_that_they_cannot_use_leave_it() -> None:
    rules = {"affordances": {"wash": {"when": "hygiene < 0.1"}}}
    stage = Stage(shower_room(**merge(PAIR, rules)))
    stage.queue_up("anna")
    assert stage.role("anna") == "holding"
    assert choose(stage)["anna"] == "leave_queue"


def test_an_urgent_need_elsewhere_is_worth_leaving_a_queue() -> None:
    town = {
        "objects": {"bed_1": {"type": "bed", "at": [0, 0]}},
        "affordances": {"sleep": {"object": "bed", "ticks": 5, "effects": {"energy": 0.5}}},
    }
    for energy, expected in ((0.02, "leave_queue"), (0.9, "wait")):
        people = {"anna": {"needs": {"hygiene": 0.6, "energy": energy}}}
        stage = Stage(shower_room(**merge(PAIR, {**town, "people": people})))
        stage.queue_up("ben", "anna")
        assert choose(stage)["anna"] == expected


def test_a_queue_with_a_rival_in_it_is_left_sooner_and_that_is_an_avoidance() -> None:
    town = {
        "objects": {"bed_1": {"type": "bed", "at": [0, 0]}},
        "affordances": {
            "wash": {"ticks": 20, "effects": {"hygiene": 0.8}},
            "sleep": {"object": "bed", "ticks": 20, "effects": {"energy": 0.5}},
        },
        "people": {"anna": {"needs": {"hygiene": 0.5, "energy": 0.5}}},
    }
    for grudge, expected in ((0.1, []), (0.9, ["avoidance"])):
        stage = Stage(shower_room(**merge(PAIR, town)))
        stage.queue_up("ben", "anna")
        stage.tick()
        stage.set_rivalry("anna", ben=grudge)
        assert kinds(stage.tick(anna=choose(stage)["anna"])) == expected


def test_a_worker_comes_on_time_works_through_the_shift_and_is_paid() -> None:
    scenario = shower_room(
        **merge(
            PAIR,
            {
                "objects": {"counter_1": {"type": "counter", "at": [6, 6]}},
                "affordances": {"serve": {"object": "counter", "ticks": 5, "work": True}},
                "jobs": {"clerk": {"workplace": "counter_1", "start": 40, "end": 80, "wage": 1.0}},
                "people": {"anna": {"at": [0, 0], "job": "clerk", "needs": {"hygiene": 1.0}}},
                "rules": {"needs": {"decay": {"hygiene": 0.0}}},
            },
        )
    )
    stage = Stage(scenario)
    assert "on_time_arrival" in kinds(play(stage, 41))
    play(stage, 41)
    assert stage.tally("anna", "wages_paid") > 30.0


def test_people_who_meet_in_a_doorway_get_past_each_other() -> None:
    walls = [{"corner": [3, 0], "opposite": [3, 2]}, {"corner": [3, 4], "opposite": [3, 6]}]
    scenario = shower_room(
        map={"walls": walls},
        objects={"shower_1": {"at": [0, 3]}, "bed_1": {"type": "bed", "at": [6, 3]}},
        affordances={"sleep": {"object": "bed", "ticks": 5, "effects": {"energy": 0.5}}},
        people={
            "anna": {"at": [4, 3], "needs": {"hygiene": 0.1}},
            "ben": {"at": [2, 3], "needs": {"hygiene": 1.0, "energy": 0.1}},
            "cara": None,
            "dan": None,
        },
    )
    stage = Stage(scenario)
    done = {event.actor for event in play(stage, 40) if event.kind == "use_completed"}
    assert done == {"anna", "ben"}


def test_the_idle_step_out_of_doorways() -> None:
    walls = [{"corner": [5, 0], "opposite": [5, 2]}, {"corner": [5, 4], "opposite": [5, 6]}]
    people = {"anna": {"at": [5, 3], "needs": {"hygiene": 1.0}}, "ben": {"needs": {"hygiene": 1.0}}}
    stage = Stage(shower_room(map={"walls": walls}, people={**people, "cara": None, "dan": None}))
    assert choose(stage)["anna"].startswith("move_")
    stage.tick(**choose(stage))
    assert choose(stage)["anna"] == "wait"


def test_people_with_nothing_to_do_chat_with_friends_but_not_with_rivals() -> None:
    stage = Stage(square(people=needy(anna=1.0, ben=1.0, cara=1.0, dan=1.0)))
    assert choose(stage)["anna"] == "chat"
    stage.set_rivalry("anna", ben=0.9)
    assert choose(stage)["anna"] == "wait"


@given(scenario=scenarios())
@settings(max_examples=15)
def test_in_any_town_its_choices_are_legal_and_repeatable_and_it_never_pushes_in(scenario: Scenario) -> None:
    town = Town(scenario, worlds=2, seed=3)
    behavior = HeuristicBehavior()
    for _ in range(40):
        action = choices(behavior, town)
        assert np.take_along_axis(town.mask, action[..., None], axis=2).all()
        assert (choices(behavior, town) == action).all()
        town.step(action)
    counter = dict(zip(COUNTERS, town.state.counter.sum(axis=0).tolist(), strict=True))
    assert counter["push_in"] == 0 and counter["illegal_actions"] == 0


def test_it_lives_through_a_day_in_town_day_and_does_far_better_than_chance() -> None:
    scenario = load_scenario(SCENARIOS / "town_day.yaml")
    rewards = []
    for behavior in (HeuristicBehavior(), RandomBehavior()):
        town = Town(scenario, worlds=4, seed=1)
        for _ in range(scenario.ticks):
            town.step(choices(behavior, town))
        faints = town.state.counter[:, COUNTERS.index("faint")]
        assert (faints == 0).all() if behavior.deterministic else (faints > 0).all()
        tally = town.state.tally.sum(axis=(0, 1))
        rewards.append(tally[TALLY.index("reward")] / tally[TALLY.index("alive_ticks")])
    assert rewards[0] > rewards[1] + 0.05


def test_compiled_and_uncompiled_it_chooses_the_same() -> None:
    program = """
import hashlib, sys
from pathlib import Path
import numpy as np
from townlet.behavior import HeuristicBehavior
from townlet.config import load_scenario
from townlet.world import Town
town = Town(load_scenario(Path(sys.argv[1])), worlds=2, seed=5)
shape, digest = town.state.people.shape, hashlib.sha256()
action = np.zeros(shape, np.int32)
for _ in range(150):
    HeuristicBehavior().act(town, action, np.zeros(shape, np.float32), np.zeros(shape, np.float32))
    town.step(action)
    digest.update(action.tobytes())
print(digest.hexdigest())
"""

    def run(**environment: str) -> str:
        command = [sys.executable, "-c", program, str(SCENARIOS / "town_day.yaml")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment})
        return done.stdout

    assert run() == run(NUMBA_DISABLE_JIT="1")


def test_it_can_be_captured_as_a_deterministic_behaviour_without_values(tmp_path: Path) -> None:
    manifest = capture_rollout(SCENARIOS / "queue_conflict.yaml", tmp_path, behavior="heuristic").manifest
    acted = manifest.behavior
    assert (acted.name, acted.deterministic, acted.has_values) == ("heuristic", True, False)
    assert manifest.totals["shower_complete_events"] > 0
