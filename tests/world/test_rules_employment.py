"""Shifts: due, on time, late, absent and done, every day; wages and the cost of being late."""

from __future__ import annotations

import pytest
from support.shop import DAY, END, START, advance_to, shop
from support.towns import Stage, kinds


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


def test_absence_costs_once_in_the_reward_alone_and_nothing_by_default() -> None:
    for absence in (0.7, 0.0):
        stage = Stage(shop(rules={"reward": {"absence": absence}}))
        missed = []
        for _ in range(DAY + END):
            happened = kinds([event for event in stage.tick() if event.actor == "ben"])
            cost = absence if "absence" in happened else 0.0
            assert stage.reward_part("ben", "punctuality") == stage.reward("ben") == pytest.approx(-cost)
            assert stage.reward_part("anna", "punctuality") == 0.0
            missed += happened
        assert missed == ["absence"] * 2
        assert stage.person("ben").wallet == 0.0


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
    """Ben starves from the first tick on; his successor arrives in the given tick, far from the counter."""
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
