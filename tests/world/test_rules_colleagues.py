"""Colleagues: help for those who are late, and takeovers of their shifts."""

from __future__ import annotations

from typing import Any

import pytest
from support.shop import DAY, END, START, advance_to, shop
from support.square import ties
from support.towns import Stage, kinds, merge


def dormitory(**changes: Any) -> Stage:
    """Ben sleeps some steps from the counter. Anna, his colleague, and Dan, who has no job, stand next to him."""
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
    """Cara and Dan, who have the late shift, stand at the counter; Ben, who has the early shift, is far away."""
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
