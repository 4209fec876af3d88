"""Chats and shared meals: the partner, the chance of success, and the effects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.square import set_ties, square, ties
from support.towns import Stage, kinds, merge

from townlet.world import Town
from townlet.world.state.events import CHAT_FAILURE, CHAT_QUALITY, CHAT_SUCCESS

GAIN = 0.1
COOLDOWN = 5


def test_a_chat_is_with_the_nearest_person_on_the_tiles_around() -> None:
    stage = Stage(square(people={"cara": {"at": [2, 4]}}))
    (event,) = stage.tick(anna="chat")
    assert (event.kind, event.thing, event.actor, event.rival) == ("chat_success", "", "anna", "ben")


def test_without_anybody_on_the_tiles_around_there_is_no_chat() -> None:
    stage = Stage(square())
    assert "chat" in stage.legal("anna") & stage.legal("ben")
    assert "chat" not in stage.legal("cara") | stage.legal("dan")


def test_without_ties_in_the_rules_there_is_no_chat() -> None:
    stage = Stage(square(rules={"relationships": {"max_ties": 0}}))
    assert "chat" not in stage.legal("anna")
    assert stage.tick(anna="chat") == []


def test_a_successful_chat_makes_both_more_familiar_and_trusting_by_its_quality() -> None:
    stage = Stage(square())
    stage.tick(anna="chat")
    assert ties(stage, "anna") == {"ben": pytest.approx((GAIN * 0.5, GAIN))}
    assert ties(stage, "ben") == {"anna": pytest.approx((GAIN * 0.5, GAIN))}


def test_both_enjoy_a_successful_chat_by_its_quality() -> None:
    stage = Stage(square())
    stage.tick(anna="chat")
    for name in ("anna", "ben"):
        assert stage.reward_part(name, "social") == pytest.approx(2.0 * 0.5)
        assert (stage.tally(name, "chats"), stage.tally(name, "chat_quality_sum")) == (1.0, 0.5)
    assert stage.state.counter[0, CHAT_QUALITY] == 0.5
    stage.tick()
    assert stage.reward_part("anna", "social") == 0.0


def test_the_better_two_people_know_and_trust_each_other_the_better_their_chat() -> None:
    qualities = []
    for level in (0.0, 0.5, 1.0):
        stage = Stage(square())
        set_ties(stage, "anna", ben=(level, level))
        set_ties(stage, "ben", anna=(level, level))
        stage.tick(anna="chat")
        qualities.append(stage.tally("anna", "chat_quality_sum"))
    assert qualities == [0.5, 0.75, 1.0]


def test_a_failed_chat_costs_both_half_as_much_trust_and_nothing_else() -> None:
    stage = Stage(square(rules={"relationships": {"chat_base": 0.0}}))
    set_ties(stage, "anna", ben=(0.5, 0.0))
    set_ties(stage, "ben", anna=(0.4, 0.0))
    assert kinds(stage.tick(anna="chat")) == ["chat_failure"]
    assert ties(stage, "anna")["ben"] == pytest.approx((0.5 - GAIN / 2, 0.0))
    assert ties(stage, "ben")["anna"] == pytest.approx((0.4 - GAIN / 2, 0.0))
    assert stage.reward_part("anna", "social") == stage.tally("anna", "chats") == 0.0


def test_two_strangers_chat_succeeds_with_the_base_probability() -> None:
    assert share_of_successes(0.3, familiarity=0.0) == pytest.approx(0.3, abs=0.1)


def test_familiarity_takes_away_that_share_of_the_failures() -> None:
    assert share_of_successes(0.3, familiarity=0.5) == pytest.approx(0.65, abs=0.1)
    assert share_of_successes(0.3, familiarity=1.0) == 1.0


def share_of_successes(base: float, familiarity: float) -> float:
    """The share of many chats of average people that succeed."""
    town = Town(square(rules={"relationships": {"chat_base": base}}), worlds=300, seed=1)
    for a, other in ((0, 1), (1, 0)):
        town.state.people["ties"][:, a] = 1
        town.state.ties["other"][:, a, 0] = other
        town.state.ties["familiarity"][:, a, 0] = familiarity
    action = np.zeros((300, 4), np.int32)
    action[:, 0] = town.action_names.index("chat")
    town.step(action)
    successes, failures = town.state.counter[:, [CHAT_SUCCESS, CHAT_FAILURE]].sum(axis=0)
    assert successes + failures == 300
    return float(successes / 300)


@pytest.mark.parametrize("grudges", [{"anna": {"ben": 0.4}}, {"ben": {"anna": 0.4}}])
def test_between_rivals_a_chat_fails_whoever_has_the_grudge(grudges: dict[str, dict[str, float]]) -> None:
    stage = Stage(square(rules={"rivalry": {"avoid_threshold": 0.4}}))
    for name, against in grudges.items():
        stage.set_rivalry(name, **against)
    assert kinds(stage.tick(anna="chat")) == ["chat_failure"]
    assert [stage.rivalry(name, other) for name in grudges for other in grudges[name]] == [0.4]


def test_a_good_chat_reconciles_both_sides() -> None:
    stage = Stage(square(rules={"relationships": {"reconciliation": 0.2}}))
    stage.set_rivalry("anna", ben=0.39, cara=0.3)
    stage.set_rivalry("ben", anna=0.3)
    stage.tick(anna="chat")
    assert stage.rivalry("anna", "ben") == pytest.approx(0.39 - 0.2 * 0.5)
    assert stage.rivalry("ben", "anna") == pytest.approx(0.3 - 0.2 * 0.5)
    assert stage.rivalry("anna", "cara") == 0.3


@pytest.mark.parametrize("base", [0.0, 1.0])
def test_after_a_chat_whoever_began_it_cannot_begin_the_next_for_a_while(base: float) -> None:
    stage = Stage(square(rules={"relationships": {"chat_base": base}}))
    stage.tick(anna="chat")
    for _ in range(COOLDOWN - 1):
        assert ("chat" in stage.legal("anna"), "chat" in stage.legal("ben")) == (False, True)
        assert stage.sees("anna", "chat_ready") == 0.0
        stage.tick()
    assert "chat" in stage.legal("anna")
    assert stage.sees("anna", "chat_ready") == 1.0


def test_two_people_who_choose_each_other_have_one_chat_and_both_get_the_cooldown() -> None:
    stage = Stage(square())
    assert kinds(stage.tick(anna="chat", ben="chat")) == ["chat_success"]
    assert stage.tally("anna", "chats") == stage.tally("ben", "chats") == 1.0
    assert "chat" not in stage.legal("anna") | stage.legal("ben")


def test_who_is_chatted_with_can_chat_with_somebody_else_in_the_same_tick() -> None:
    stage = Stage(square(people={"ben": {"at": [3, 5]}, "anna": {"at": [2, 4]}}))  # Cara is nearer to Ben than Anna is
    happened = stage.tick(anna="chat", ben="chat")
    assert {(event.actor, event.rival) for event in happened} == {("anna", "ben"), ("ben", "cara")}


def test_a_chat_with_somebody_who_walks_away_does_not_take_place() -> None:
    stage = Stage(square())
    assert stage.tick(anna="chat", ben="move_east") == []
    assert ties(stage, "anna") == {}
    stage.tick(ben="move_west")
    assert "chat" in stage.legal("anna")


def test_people_chat_while_they_wait_but_not_while_they_use_something() -> None:
    around = {"anna": {"at": [2, 3]}, "ben": {"at": [2, 2]}, "cara": {"at": [2, 4]}}
    stage = Stage(square(people=around))
    stage.queue_up("anna", "ben")
    assert (stage.role("anna"), stage.role("ben")) == ("holding", "waiting")
    assert "chat" in stage.legal("anna") & stage.legal("ben") & stage.legal("cara")
    stage.tick(anna="start")
    assert stage.role("anna") == "using"
    assert "chat" not in stage.legal("anna") | stage.legal("ben") | stage.legal("cara")


def kitchen(**changes: Any) -> Stage:
    """Anna and Ben each hold a stove, two tiles apart; Cara holds a third, farther away."""
    content = {
        "map": {"width": 12},
        "objects": {
            "shower_1": None,
            "stove_1": {"type": "stove", "at": [1, 3]},
            "stove_2": {"type": "stove", "at": [3, 3]},
            "stove_3": {"type": "stove", "at": [9, 3]},
        },
        "affordances": {"wash": None, "eat": {"object": "stove", "ticks": 4, "effects": {"hunger": 0.2}, "meal": True}},
        "people": {
            "anna": {"at": [1, 4]},
            "ben": {"at": [3, 4]},
            "cara": {"at": [9, 4]},
            "dan": {"at": [9, 2]},
        },
    }
    stage = Stage(square(**merge(content, changes)))
    stage.tick(anna="request_stove", ben="request_stove", cara="request_stove")
    return stage


def test_people_who_eat_next_to_each_other_share_a_meal_when_the_first_has_finished() -> None:
    stage = kitchen()
    stage.tick(anna="start")
    stage.tick(ben="start")
    assert stage.tick() == []
    happened = stage.tick()
    assert kinds(happened) == ["use_completed", "shared_meal"]
    assert (happened[1].thing, happened[1].actor, happened[1].rival) == ("stove_1", "anna", "ben")
    assert kinds(stage.tick()) == ["use_completed"]  # Ben's; nobody eats with him any more
    assert ties(stage, "anna") == {"ben": pytest.approx((0.15, 0.15))}
    assert ties(stage, "ben") == {"anna": pytest.approx((0.15, 0.15))}


def test_both_enjoy_a_shared_meal() -> None:
    stage = kitchen()
    stage.tick(anna="start", ben="start")
    stage.ticks(3)
    assert stage.reward_part("anna", "social") == stage.reward_part("ben", "social") == 2.0


def test_two_meals_that_end_in_the_same_tick_are_shared_once() -> None:
    stage = kitchen()
    stage.tick(anna="start", ben="start")
    assert kinds(stage.ticks(3)).count("shared_meal") == 1


def test_people_at_different_tables_do_not_share_a_meal() -> None:
    stage = kitchen()
    stage.tick(anna="start", cara="start")
    assert kinds(stage.ticks(3)) == ["use_completed", "use_completed"]


def test_rivals_do_not_share_a_meal() -> None:
    stage = kitchen()
    stage.set_rivalry("ben", anna=0.5)
    stage.tick(anna="start", ben="start")
    assert kinds(stage.ticks(3)) == ["use_completed", "use_completed"]


@pytest.mark.parametrize(
    "changes",
    [
        {"affordances": {"eat": {"meal": False}}},
        {"rules": {"relationships": {"shared_meals": False}}},
        {"rules": {"relationships": {"max_ties": 0}}},
    ],
)
def test_only_meals_are_shared_and_only_if_the_rules_say_so(changes: dict[str, Any]) -> None:
    stage = kitchen(**changes)
    stage.tick(anna="start", ben="start")
    assert kinds(stage.ticks(3)) == ["use_completed", "use_completed"]
