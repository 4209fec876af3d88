"""The order of a queue: joining, pushing in, yielding and leaving."""

from __future__ import annotations

from typing import Any

import pytest
from support.towns import Stage, kinds, shower_room

from townlet.world import CONFLICT_KINDS


def queue_rules(**constants: Any) -> dict[str, Any]:
    return {"queue": constants}


def test_a_request_joins_the_tail() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben", "cara", "dan")
    assert stage.holder() == "anna"
    assert stage.queue() == ["ben", "cara", "dan"]
    assert [stage.role(name) for name in ("anna", "ben")] == ["holding", "waiting"]


def test_a_free_object_is_reserved_for_the_front_of_the_queue_in_the_same_tick() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben", "cara")
    stage.tick(anna="leave_queue")
    assert stage.holder() == "ben"
    assert stage.queue() == ["cara"]
    assert stage.role("anna") == "idle"


def test_a_request_out_of_reach_walks_there_instead_of_queueing() -> None:
    stage = Stage(shower_room(people={"anna": {"at": [0, 3]}}))
    stage.tick(anna="request_shower")
    assert (stage.place("anna"), stage.role("anna")) == ((1, 3), "idle")
    stage.tick(anna="request_shower")
    assert (stage.place("anna"), stage.role("anna")) == ((2, 3), "idle")
    stage.tick(anna="request_shower")
    assert (stage.place("anna"), stage.role("anna")) == ((2, 3), "holding")


def test_a_request_is_refused_during_ones_own_cooldown_and_only_then() -> None:
    stage = Stage(shower_room(rules=queue_rules(cooldown_ticks=4)))
    stage.queue_up("anna")
    stage.tick(anna="start")
    stage.ticks(2)
    assert stage.role("anna") == "finished"
    stage.tick()
    for _ in range(3):
        assert "request_shower" not in stage.legal("anna")
        assert "request_shower" in stage.legal("ben")
        assert stage.sees("anna", "shower_cooldown") > 0
        stage.tick(anna="request_shower")
        assert stage.role("anna") == "idle"
    assert "request_shower" in stage.legal("anna")
    stage.tick(anna="request_shower")
    assert stage.holder() == "anna"


def test_a_request_goes_to_another_object_of_the_type_while_the_nearest_cools_down() -> None:
    second = {"shower_2": {"type": "shower", "at": [0, 0]}}
    stage = Stage(shower_room(objects=second, rules=queue_rules(cooldown_ticks=50)))
    stage.queue_up("anna")
    stage.tick(anna="start")
    stage.ticks(3)
    stage.ticks(4, anna="request_shower")
    assert (stage.holder("shower_2"), stage.holder("shower_1")) == ("anna", "")


@pytest.mark.parametrize("people", [2, 3])
def test_arrivals_of_the_same_tick_are_ordered_by_the_world_stream_and_losers_suffer_a_conflict(people: int) -> None:
    names = ["anna", "ben", "cara"][:people]
    firsts = []
    for seed in range(300):
        stage = Stage(shower_room(), seed=seed)
        events = stage.tick(**dict.fromkeys(names, "request_shower"))
        first = stage.holder()
        firsts.append(first)
        assert kinds(events) == ["contested_arrival"] * (people - 1)
        assert {event.actor for event in events} == {first}
        assert {event.rival for event in events} == set(names) - {first} == set(stage.queue())
        for loser in stage.queue():
            assert stage.rivalry(loser, first) > stage.rivalry(first, loser) > 0
    for name in names:
        # Three standard deviations of a binomial count over 300 seeds.
        assert abs(firsts.count(name) - 300 / people) < 26


def test_one_arrival_alone_is_not_contested_even_if_others_wait() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben")
    assert stage.tick(cara="request_shower") == []


def test_pushing_in_takes_the_front_place_and_everybody_passed_suffers_a_conflict() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben", "cara", "dan")
    events = stage.tick(dan="push_in")
    assert stage.queue() == ["dan", "ben", "cara"]
    assert stage.holder() == "anna"
    assert [(event.kind, event.actor, event.rival) for event in events] == [
        ("push_in", "dan", "cara"),
        ("push_in", "dan", "ben"),
    ]
    assert stage.rivalry("ben", "dan") == pytest.approx(0.2 * events[0].intensity)
    assert stage.rivalry("dan", "ben") == pytest.approx(0.1 * events[0].intensity)


def test_whoever_is_at_the_front_or_holds_the_object_cannot_push_in() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben", "cara")
    assert "push_in" in stage.legal("cara")
    assert "push_in" not in stage.legal("ben")
    assert "push_in" not in stage.legal("anna")


def test_long_waiters_resist_being_passed_as_far_as_age_priority_weight_says() -> None:
    stage = Stage(shower_room(rules=queue_rules(age_priority_weight=1.0)))
    stage.queue_up("anna", "ben")
    stage.ticks(5)
    stage.queue_up("cara", "dan")
    events = stage.tick(dan="push_in")
    assert stage.queue() == ["ben", "dan", "cara"]
    assert [(event.kind, event.rival) for event in events] == [("push_in", "cara")]


def test_without_age_priority_even_the_longest_wait_is_passed() -> None:
    stage = Stage(shower_room(rules=queue_rules(age_priority_weight=0.0)))
    stage.queue_up("anna", "ben")
    stage.ticks(50)
    stage.queue_up("cara")
    stage.tick(cara="push_in")
    assert stage.queue() == ["cara", "ben"]


def test_the_front_of_the_queue_can_yield_to_the_next() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben", "cara", "dan")
    events = stage.tick(ben="yield")
    assert stage.queue() == ["cara", "ben", "dan"]
    assert [(event.kind, event.actor, event.rival, event.intensity) for event in events] == [
        ("yield", "ben", "cara", 0.0)
    ]
    assert "yield" not in stage.legal("ben")


def test_a_holder_can_yield_to_the_front_and_is_next() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben", "cara")
    events = stage.tick(anna="yield")
    assert (stage.holder(), stage.queue()) == ("ben", ["anna", "cara"])
    assert kinds(events) == ["yield"]


def test_a_holder_who_yields_takes_over_the_rank_and_waiting_time_of_the_other() -> None:
    stage = Stage(shower_room(rules=queue_rules(age_priority_weight=1.0)))
    stage.queue_up("anna", "ben", "cara")
    rank, waited = int(stage.person("ben").rank), int(stage.person("ben").waited)
    stage.tick(anna="yield")
    # The tick of the yield counts as waited, too.
    assert (stage.person("anna").rank, stage.person("anna").waited) == (rank, waited + 1)


def test_whoever_comes_back_to_a_queue_waits_anew() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben")
    stage.ticks(40)
    assert stage.sees("ben", "waited") == 1.0
    stage.tick(ben="leave_queue")
    stage.queue_up("cara", "ben")
    assert stage.queue() == ["cara", "ben"]
    assert stage.sees("ben", "waited") == pytest.approx(1 / 32)


def test_nobody_can_yield_when_nobody_waits() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna")
    assert "yield" not in stage.legal("anna")


def test_yielding_lowers_the_grudges_of_both_people() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben", "cara")
    stage.set_rivalry("ben", cara=0.5)
    stage.set_rivalry("cara", ben=0.3)
    stage.tick(ben="yield")
    assert stage.rivalry("ben", "cara") == pytest.approx(0.45)
    assert stage.rivalry("cara", "ben") == pytest.approx(0.25)


def test_walking_out_of_reach_gives_the_place_up() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben", "cara")
    stage.tick(ben="move_east")
    assert stage.queue() == ["cara"]
    assert stage.role("ben") == "idle"
    stage.tick(anna="move_west")
    assert stage.holder() == "cara"


def test_walking_within_reach_keeps_the_place() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben")
    stage.tick(ben="move_south")
    assert stage.place("ben") == (4, 4)
    assert stage.queue() == ["ben"]


@pytest.mark.parametrize(("strength", "avoids"), [(0.4, True), (0.39, False)])
def test_leaving_a_queue_in_which_a_rival_stands_is_an_avoidance(strength: float, avoids: bool) -> None:
    stage = Stage(shower_room(rules={"rivalry": {"avoid_threshold": 0.4}}))
    stage.queue_up("anna", "ben")
    stage.set_rivalry("ben", anna=strength)
    events = stage.tick(ben="leave_queue")
    expected = [("avoidance", "ben", "anna")] if avoids else []
    assert [(event.kind, event.actor, event.rival) for event in events] == expected


def test_an_avoidance_is_not_a_conflict() -> None:
    assert "avoidance" not in CONFLICT_KINDS
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben")
    stage.set_rivalry("ben", anna=0.9)
    stage.tick(ben="leave_queue")
    assert stage.person("ben").caused == stage.person("anna").suffered == 0.0
