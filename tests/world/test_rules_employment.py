"""Shifts: due, on time, late, absent, done, every day; wages, the price of being late, and colleagues who step in."""

from __future__ import annotations

from typing import Any

import pytest
from support.company import ties
from support.towns import Stage, kinds, merge, shower_room

from townlet.config import Scenario

DAY = 30
START, END = 10, 20


def shop(**changes: Any) -> Scenario:
    """Anna starts at the counter where she works, Ben eight steps away; both work from 10 to 20 of each 30 ticks."""
    content = {
        "ticks_per_day": DAY,
        "map": {"width": 12},
        "objects": {"shower_1": None, "counter_1": {"type": "counter", "at": [1, 3]}},
        "affordances": {"wash": None, "serve": {"object": "counter", "ticks": 2, "work": True}},
        "jobs": {"clerk": {"workplace": "counter_1", "start": START, "end": END, "wage": 0.5}},
        "people": {
            "anna": {"job": "clerk"},
            "ben": {"at": [10, 3], "job": "clerk"},
            "cara": None,
            "dan": {"at": [1, 2]},
        },
        "rules": {
            "employment": {"due_before": 3, "grace_ticks": 1, "absent_after": 5, "lateness_penalty": 0.2},
            "reward": {"survival": 0.0, "need_weights": {}, "wage": 2.0},
        },
    }
    return shower_room(**merge(content, changes))


def advance_to(stage: Stage, tick: int, **actions: str) -> None:
    """Play until the given tick is the last that was played."""
    while stage.town.tick <= tick:
        stage.tick(**actions)


@pytest.mark.parametrize("day", [0, 1, 2])
def test_a_shift_is_off_then_due_then_on_time_then_done_every_day(day: int) -> None:
    stage = Stage(shop())
    advance_to(stage, day * DAY - 1)
    states = []
    for _ in range(DAY):
        stage.tick()
        states.append(stage.shift("anna"))
    assert states == ["off"] * 7 + ["due"] * 3 + ["on_time"] * 10 + ["done"] * 10


@pytest.mark.parametrize("day", [0, 1])
def test_whoever_does_not_come_is_due_in_the_grace_then_late_then_absent_until_the_days_end(day: int) -> None:
    stage = Stage(shop())
    advance_to(stage, day * DAY - 1)
    states, happened = [], []
    for _ in range(DAY):
        happened += [event for event in stage.tick() if event.actor == "ben"]
        states.append(stage.shift("ben"))
    assert states == ["off"] * 7 + ["due"] * 5 + ["late"] * 4 + ["absent"] * 14
    assert kinds(happened) == ["absence"]
    assert stage.tally("ben", "absences") == day + 1


@pytest.mark.parametrize(("delay", "state"), [(0, "on_time"), (1, "on_time"), (2, "late"), (5, "late")])
def test_an_arrival_is_on_time_within_the_grace_and_late_beyond(delay: int, state: str) -> None:
    stage = Stage(shop(people={"ben": {"at": [3, 2]}}))
    advance_to(stage, START + delay - 1)
    (event,) = [event for event in stage.tick(ben="move_west") if event.actor == "ben"]
    assert event.kind == ("late_arrival" if state == "late" else "on_time_arrival")
    assert (event.thing, event.detail) == ("counter_1", delay)
    assert stage.shift("ben") == state
    stage.tick()
    assert stage.shift("ben") == state
    advance_to(stage, END)
    assert stage.shift("ben") == "done"


def test_lateness_costs_once_in_the_wallet_and_in_the_reward() -> None:
    stage = Stage(shop(people={"ben": {"at": [3, 2]}}))
    advance_to(stage, START + 1)
    rewards = []
    for _ in range(6):
        stage.tick(ben="move_west" if stage.place("ben") == (3, 2) else "wait")
        rewards.append(round(stage.reward("ben"), 6))
    assert rewards == [-0.2, 0, 0, 0, 0, 0]
    assert stage.person("ben").wallet == pytest.approx(-0.2)
    assert stage.tally("ben", "late_arrivals") == 1


def test_an_absentee_who_comes_after_all_has_forfeited_the_day_but_not_the_next() -> None:
    stage = Stage(shop(people={"ben": {"at": [3, 2]}}))
    advance_to(stage, START + 5)
    assert stage.shift("ben") == "late"
    stage.tick()
    assert stage.shift("ben") == "absent"
    stage.tick(ben="move_west")
    stage.tick(ben="request_counter")
    assert (stage.holder("counter_1"), stage.shift("ben")) == ("ben", "absent")
    assert "start" not in stage.legal("ben")
    stage.tick(ben="start")
    assert (stage.role("ben"), stage.person("ben").wallet) == ("holding", 0.0)
    advance_to(stage, DAY + START)
    assert stage.shift("ben") == "on_time"
    assert "start" in stage.legal("ben")


def test_wages_are_paid_per_tick_of_work_on_shift_and_only_then() -> None:
    stage = Stage(shop())
    advance_to(stage, START - 2, anna="request_counter")
    assert "start" not in stage.legal("anna")  # before the shift there is no work
    stage.ticks(2)
    assert (stage.shift("anna"), stage.person("anna").paid) == ("on_time", 0.0)  # being there is not working
    paid = []
    for _ in range(4):
        stage.tick(anna="start" if stage.role("anna") == "holding" else "wait")
        paid.append((stage.role("anna"), float(stage.person("anna").paid), stage.reward("anna")))
    assert paid == [("using", 0.5, 1.0), ("finished", 0.5, 1.0), ("idle", 0.0, 0.0), ("idle", 0.0, 0.0)]
    assert stage.person("anna").wallet == 1.0
    assert stage.tally("anna", "wages_paid") == 1.0


def test_work_that_runs_beyond_the_shift_is_not_paid_there() -> None:
    stage = Stage(shop(affordances={"serve": {"ticks": 8}}))
    advance_to(stage, START + 5, anna="request_counter")
    stage.tick(anna="start")
    started = stage.town.tick - 1
    stage.ticks(7)
    assert stage.tally("anna", "wages_paid") == pytest.approx(0.5 * (END - started))
    assert stage.role("anna") == "finished"


def test_wages_are_withheld_while_somebody_is_not_there() -> None:
    stage = Stage(shop())
    advance_to(stage, DAY - 1)
    assert stage.tally("ben", "wages_withheld") == pytest.approx(0.5 * (END - START))
    assert stage.tally("anna", "wages_withheld") == 0.0


def test_only_those_whose_job_it_is_can_do_the_work() -> None:
    stage = Stage(shop())
    advance_to(stage, START, dan="request_counter")
    assert stage.holder("counter_1") == "dan"
    assert "start" not in stage.legal("dan")
    assert stage.shift("dan") == "off"
    assert stage.sees("dan", "employed") == 0.0


def test_people_see_their_shift() -> None:
    stage = Stage(shop())
    advance_to(stage, START)
    assert (stage.sees("anna", "shift_on_time"), stage.sees("ben", "shift_due")) == (1.0, 1.0)
    assert (stage.sees("anna", "at_workplace"), stage.sees("ben", "at_workplace")) == (1.0, 0.0)
    assert stage.sees("anna", "to_shift_end") == pytest.approx((END - stage.town.tick) / DAY)


@pytest.mark.parametrize("arrives", [START + 2, END + 2])
def test_a_newcomer_who_comes_to_town_during_or_after_a_shift_begins_with_the_next(arrives: int) -> None:
    """Ben starves from the first tick on, and his successor appears at the given tick, far from the counter."""
    faints = 5
    changes = {
        "people": {"ben": {"needs": {"hunger": 0.0}}},
        "rules": {"needs": {"faint_after": faints, "newcomer_after": arrives - faints + 1, "decay": {}}},
    }
    stage = Stage(shop(**changes))
    happened = stage.ticks(DAY)
    assert {"faint", "newcomer"} <= {event.kind for event in happened if event.actor == "ben"}
    assert not [event for event in happened if event.kind == "absence"]
    assert stage.shift("ben") == "off"


def dormitory(**changes: Any) -> Stage:
    """Ben sleeps some steps from the counter; Anna, his colleague, and Dan, who has no job, stand beside him."""
    content = {
        "objects": {"bed_1": {"type": "bed", "at": [6, 4]}},
        "affordances": {"sleep": {"object": "bed", "ticks": 50}},
        "people": {"anna": {"at": [5, 3]}, "ben": {"at": [6, 3]}, "dan": {"at": [7, 3]}},
        "rules": {
            "employment": {"late_help": True, "due_before": 6, "absent_after": 20},
            "relationships": {"max_ties": 2, "decay_per_tick": 0.0, "chat_cooldown_ticks": 1},
            "reward": {"social": 1.0},
        },
    }
    stage = Stage(shop(**merge(content, changes)))
    stage.tick(ben="request_bed")
    stage.tick(ben="start")
    assert stage.role("ben") == "using"
    return stage


def test_a_colleague_can_wake_whoever_is_due_or_late_and_that_is_remembered() -> None:
    stage = dormitory()
    advance_to(stage, START - 7)
    assert "chat" not in stage.legal("anna")  # nobody disturbs a sleeper whose shift is not due
    stage.tick()
    assert stage.shift("ben") == "due"
    assert "chat" in stage.legal("anna")
    assert "chat" not in stage.legal("dan")  # no colleague
    (event,) = stage.tick(anna="chat")
    assert (event.kind, event.thing, event.actor, event.rival) == ("late_help", "counter_1", "anna", "ben")
    assert (stage.role("ben"), stage.holder("bed_1")) == ("idle", "")
    assert ties(stage, "ben") == {"anna": pytest.approx((0.3, 0.1))}
    assert ties(stage, "anna") == {"ben": pytest.approx((0.0, 0.1))}
    assert (stage.reward_part("anna", "social"), stage.reward_part("ben", "social")) == (1.0, 0.0)


def test_lateness_costs_nothing_on_the_day_on_which_a_colleague_has_helped() -> None:
    stage = dormitory()
    advance_to(stage, START + 2)
    assert stage.shift("ben") == "late"
    assert kinds(stage.tick(anna="chat")) == ["late_help"]
    happened = stage.ticks(12, ben="request_counter")
    assert [event.kind for event in happened if event.actor == "ben"] == ["late_arrival"]
    assert stage.tally("ben", "late_arrivals") == 1
    assert stage.person("ben").wallet == stage.tally("ben", "reward_punctuality") == 0.0
    advance_to(stage, DAY)
    assert not stage.person("ben").helped


def test_a_colleague_is_helped_once_per_shift_and_then_it_is_a_chat() -> None:
    stage = dormitory(rules={"relationships": {"chat_base": 1.0}})
    advance_to(stage, START - 4)
    assert kinds(stage.tick(anna="chat")) == ["late_help"]
    assert kinds(stage.tick(anna="chat")) == ["chat_success"]


def test_whoever_waits_at_the_workplace_for_the_shift_to_begin_needs_no_help() -> None:
    people = {"ben": {"at": [2, 2]}, "anna": {"at": [3, 2]}}
    relationships = {"max_ties": 2, "chat_base": 1.0}
    stage = Stage(shop(people=people, rules={"employment": {"late_help": True}, "relationships": relationships}))
    advance_to(stage, START - 2)
    assert (stage.shift("anna"), stage.shift("ben")) == ("due", "due")
    (event,) = stage.tick(anna="chat")
    assert (event.kind, event.rival) == ("chat_success", "ben")


def test_a_colleague_who_is_awake_is_reminded() -> None:
    stage = dormitory()
    stage.tick(ben="release")
    advance_to(stage, START - 4)
    (event,) = stage.tick(anna="chat")
    assert (event.kind, event.detail) == ("late_help", -1)


def test_rivals_do_not_help_each_other() -> None:
    stage = dormitory()
    stage.set_rivalry("anna", ben=0.5)
    advance_to(stage, START)
    assert kinds(stage.tick(anna="chat")) == ["chat_failure"]
    assert (stage.role("ben"), stage.person("ben").helped) == ("using", False)


@pytest.mark.parametrize("rules", [{"employment": {"late_help": False}}, {"relationships": {"max_ties": 0}}])
def test_nobody_is_woken_unless_the_rules_allow_it(rules: dict[str, Any]) -> None:
    stage = dormitory(rules=rules)
    advance_to(stage, START)
    assert "chat" not in stage.legal("anna")


def counter(**changes: Any) -> Stage:
    """Cara and Dan stand at the counter, and have the late shift there; Ben, of the early shift, is far away."""
    content = {
        "jobs": {"evening": {"workplace": "counter_1", "start": END, "end": END + 5, "wage": 0.1}},
        "people": {
            "anna": {"at": [8, 0], "job": None},
            "cara": {"at": [2, 2], "job": "evening"},
            "dan": {"at": [1, 2], "job": "evening"},
        },
        "rules": {"employment": {"takeover": True, "absent_after": 4}, "queue": {"cooldown_ticks": 0}},
    }
    return Stage(shop(**merge(content, changes)))


def test_a_colleague_of_another_shift_takes_over_the_work_and_the_wage_of_whoever_is_late() -> None:
    stage = counter()
    advance_to(stage, START + 1, dan="request_counter")
    assert (stage.shift("ben"), "start" in stage.legal("dan")) == ("due", False)
    stage.tick()
    assert (stage.shift("ben"), "start" in stage.legal("dan")) == ("late", True)
    (event,) = stage.tick(dan="start")
    assert (event.kind, event.thing, event.actor, event.rival) == ("shift_takeover", "counter_1", "dan", "ben")
    assert stage.person("dan").paid == 0.5
    assert stage.reward_part("dan", "wages") == 1.0
    assert kinds(stage.tick()) == ["use_completed"]
    assert (stage.tally("dan", "wages_paid"), stage.tally("ben", "wages_withheld")) == (1.0, 2.5)


def test_a_takeover_is_counted_once_and_lasts_until_the_shift_ends() -> None:
    stage = counter()
    advance_to(stage, START + 1, dan="request_counter")
    happened = []
    while stage.town.tick < END:
        happened += stage.tick(dan="start")
    assert kinds(happened).count("shift_takeover") == 1
    assert "absence" in kinds(happened)  # which does not end it
    assert stage.tally("dan", "wages_paid") == pytest.approx(0.5 * (END - START - 3))
    stage.tick()
    assert stage.person("dan").covering == -1


def test_a_takeover_ends_when_whoever_was_late_arrives() -> None:
    stage = counter(people={"ben": {"at": [4, 3]}}, affordances={"serve": {"ticks": 6}})
    advance_to(stage, START + 2, dan="request_counter")
    stage.tick(dan="start", ben="move_west")
    assert stage.person("dan").paid == 0.5
    assert kinds(stage.tick(ben="move_west")) == ["late_arrival"]
    assert (stage.role("dan"), stage.person("dan").paid, stage.person("dan").covering) == ("using", 0.0, -1)
    stage.ticks(4)
    assert stage.role("dan") == "finished"
    assert "start" not in stage.legal("dan")


def test_one_colleague_takes_a_shift_over_and_no_other() -> None:
    stage = counter()
    advance_to(stage, START + 2, dan="request_counter")
    stage.tick(dan="start", cara="request_counter")
    stage.ticks(3)
    assert stage.holder("counter_1") == "cara"
    assert "start" not in stage.legal("cara")


def test_whoever_works_elsewhere_or_nowhere_takes_nothing_over() -> None:
    stage = counter(people={"dan": {"job": None}})
    advance_to(stage, START + 2, dan="request_counter")
    assert "start" not in stage.legal("dan")


def test_there_are_no_takeovers_unless_the_rules_allow_them() -> None:
    stage = counter(rules={"employment": {"takeover": False}})
    advance_to(stage, START + 2, dan="request_counter")
    assert (stage.shift("ben"), "start" in stage.legal("dan")) == ("late", False)
