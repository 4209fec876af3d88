"""Offers in observations: what each object would give a person, what they must do today, and who else is on the way."""

from __future__ import annotations

from typing import Any

from support.shop import START, advance_to, shop
from support.towns import Stage, merge, shower_room

from townlet.world.observation.schema import observation_schema_of

OFFERS: dict[str, Any] = {"observations": {"offers": True}}


def room(**changes: Any) -> Stage:
    return Stage(shower_room(**merge(OFFERS, changes)))


def seen(stage: Stage, name: str, *features: str) -> list[float]:
    return [round(stage.sees(name, feature), 6) for feature in features]


def test_offers_follow_all_other_features_and_change_none() -> None:
    for mode in ("compact", "full"):
        without, shown = (
            Stage(shower_room(observations={"mode": mode, "offers": offers})).town for offers in (False, True)
        )
        others = len(without.observation_schema)
        assert shown.observation_schema[:others] == without.observation_schema
        assert (shown.observation[..., :others] == without.observation).all()
        names = [entry["name"] for entry in shown.observation_schema[others:]]
        assert names[:2] == ["expected", "slack"] and names[5] == "shower_mine" and names[-1] == "shower_tie"


def test_an_offer_says_what_a_whole_use_gives_how_long_it_takes_and_what_it_costs() -> None:
    wash = {"ticks": 25, "effects": {"hygiene": 0.3, "energy": -0.1}, "price": 2.0}
    stage = room(affordances={"wash": wash}, rules={"economy": {"start_wallet": 5.0}})
    gains = seen(stage, "anna", *(f"shower_gain_{need}" for need in ("hunger", "hygiene", "energy")))
    assert gains == [0.0, 0.3, -0.1]
    assert seen(stage, "anna", "shower_duration", "shower_price", "shower_ready") == [0.25, 0.2, 1.0]
    stage.person("anna").wallet = 1.9
    stage.tick()
    assert seen(stage, "anna", "shower_duration", "shower_price", "shower_ready") == [0.25, 0.2, 0.0]
    assert seen(stage, "ben", "shower_ready") == [1.0]


def test_of_several_uses_the_first_that_can_start_is_shown_or_else_the_first() -> None:
    uses = {
        "soak": {"object": "shower", "ticks": 50, "effects": {"hygiene": 0.6}, "when": "hygiene < 0.1"},
        "wash": None,
        "rinse": {"object": "shower", "ticks": 5, "effects": {"hygiene": 0.1}, "when": "hygiene < 0.5"},
    }
    people = {"anna": {"needs": {"hygiene": 0.05}}, "ben": {"needs": {"hygiene": 0.3}}, "cara": {"needs": None}}
    stage = room(affordances=uses, people=people)
    for name, duration, gain, ready in (("anna", 0.5, 0.6, 1.0), ("ben", 0.05, 0.1, 1.0), ("cara", 0.5, 0.6, 0.0)):
        shown = seen(stage, name, "shower_duration", "shower_gain_hygiene", "shower_ready")
        assert shown == [duration, gain, ready]


def test_needs_fall_as_fast_as_the_rules_say() -> None:
    stage = room(rules={"needs": {"decay": {"hunger": 0.001, "energy": 0.1}}})
    assert seen(stage, "anna", "decay_hunger", "decay_hygiene", "decay_energy") == [0.5, 0.0, 1.0]


def test_the_wait_counts_a_whole_use_for_everybody_in_the_queue_and_what_is_left_of_the_holders() -> None:
    stage = room(affordances={"wash": {"ticks": 10}})
    assert seen(stage, "dan", "shower_wait") == [0.0]
    stage.queue_up("anna", "ben", "cara")
    assert seen(stage, "dan", "shower_wait") == [0.3]
    assert seen(stage, "anna", "shower_wait") == [0.2]
    stage.tick(anna="start")
    left = int(stage.person("anna").remaining)
    assert seen(stage, "dan", "shower_wait") == [round((20 + left) / 100, 6)] and 0 < left < 10
    stage.tick()
    assert seen(stage, "dan", "shower_wait") == [round((20 + left - 1) / 100, 6)]
    long = room(affordances={"wash": {"ticks": 60}})
    long.queue_up("anna", "ben")
    assert seen(long, "dan", "shower_wait") == [1.0]


def test_workers_see_their_workplace_and_how_much_time_is_left_to_set_out() -> None:
    stage = Stage(shop(**OFFERS))
    outlook = "expected", "slack"
    # Ben has eight steps to the counter; their shift begins in ten ticks.
    assert seen(stage, "ben", "counter_mine", *outlook) == [1.0, 1.0, round((START - 8) / 50, 6)]
    assert seen(stage, "anna", "counter_mine", *outlook) == [1.0, 1.0, round(START / 50, 6)]
    assert seen(stage, "dan", "counter_mine", *outlook) == [0.0, 0.0, 0.0]
    advance_to(stage, START + 2)
    assert seen(stage, "ben", *outlook) == [1.0, round((-3 - 8) / 50, 6)]
    assert seen(stage, "anna", *outlook) == [0.0, 0.0]
    advance_to(stage, START + 7)
    assert stage.shift("ben") == "absent" and seen(stage, "ben", *outlook) == [0.0, 0.0]


def test_work_is_an_offer_to_those_who_have_arrived_for_their_shift_alone() -> None:
    stage = Stage(shop(**OFFERS))
    use = "counter_ready", "counter_duration"
    assert seen(stage, "anna", *use) == [0.0, 0.0]
    advance_to(stage, START)
    assert seen(stage, "anna", *use) == [1.0, 0.02]
    assert seen(stage, "ben", *use) == seen(stage, "dan", *use) == [0.0, 0.0]


def test_an_offer_says_how_far_its_object_is_from_the_own_workplace() -> None:
    stage = Stage(
        shop(
            objects={"shower_1": {"type": "shower", "at": [6, 3]}},
            affordances={"wash": {"object": "shower", "ticks": 3, "effects": {"hygiene": 0.3}}},
            **OFFERS,
        )
    )
    # From (5, 3) beside the shower it is three steps until the counter at (1, 3) is within reach; the map is 12 by 7.
    assert seen(stage, "ben", "shower_to_work") == [round(3 / 19, 6)]
    assert seen(stage, "dan", "shower_to_work") == [0.0]


def test_people_see_who_else_is_on_the_way_and_whether_one_has_as_many_steps_to_go() -> None:
    places = {"anna": {"at": [0, 3]}, "ben": {"at": [6, 3]}, "cara": {"at": [3, 1]}, "dan": {"at": [0, 0]}}
    stage = room(people=places)
    way = "shower_coming", "shower_tie"
    assert seen(stage, "cara", *way) == [0.0, 0.0]
    stage.tick(anna="request_shower")
    # Anna has a step to go, like Cara, who has not set out. Nobody comes but Anna.
    assert seen(stage, "anna", *way) == [0.0, 0.0]
    assert seen(stage, "cara", *way) == [0.125, 1.0]
    assert seen(stage, "dan", *way) == [0.125, 0.0]
    stage.tick(anna="wait", ben="request_shower")
    # Whoever waits on the way is not coming.
    assert seen(stage, "anna", *way) == [0.125, 1.0]
    assert seen(stage, "ben", *way) == [0.0, 0.0]
    race = room(people=places)
    race.tick(anna="request_shower", ben="request_shower")
    assert seen(race, "anna", *way) == seen(race, "ben", *way) == [0.125, 1.0]
    assert seen(race, "cara", *way) == [0.25, 1.0]
    race.ticks(2, anna="request_shower", ben="request_shower")
    assert race.holder() and race.queue() and seen(race, "cara", *way) == [0.0, 0.0]


def test_of_offers_exactly_wait_coming_and_tie_are_about_conflict() -> None:
    shown, plain = (
        {entry["name"] for entry in observation_schema_of(shower_room(**content)) if entry["conflict"]}
        for content in (OFFERS, {})
    )
    assert shown - plain == {"shower_wait", "shower_coming", "shower_tie"}
