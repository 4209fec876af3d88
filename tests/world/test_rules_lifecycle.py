"""Needs that fall, people who faint or move away, and the newcomers who follow them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.towns import Stage, kinds, shower_room


def hungry_room(**changes: Any) -> Stage:
    """Anna is close to starving. People faint after 3 ticks with a need at 0, and 4 ticks later a newcomer comes."""
    rules = {"needs": {"decay": {"hunger": 0.1}, "faint_after": 3, "newcomer_after": 4}}
    return Stage(shower_room(people={"anna": {"needs": {"hunger": 0.2, "hygiene": 0.2}}}, rules=rules, **changes))


def test_needs_fall_linearly_and_stop_at_0() -> None:
    stage = hungry_room()
    stage.ticks(1)
    assert stage.need("anna", "hunger") == pytest.approx(0.1)
    assert stage.need("ben", "hunger") == pytest.approx(0.9)
    assert stage.need("ben") == 0.2  # a need without decay stays
    stage.ticks(2)
    assert stage.need("anna", "hunger") == 0.0


def test_a_need_at_0_for_faint_after_ticks_terminates_the_persons_episode() -> None:
    stage = hungry_room()
    for _ in range(3):
        assert stage.tick() == []
        assert stage.alive("anna") and not stage.terminated("anna")
    assert [(event.kind, event.actor) for event in stage.tick()] == [("faint", "anna")]
    assert stage.terminated("anna") and not stage.alive("anna")
    stage.tick()
    assert not stage.terminated("anna")


def test_a_meal_in_between_starts_the_count_anew() -> None:
    stage = hungry_room()
    stage.ticks(3)
    stage.person("anna").needs[0] = 0.15
    stage.ticks(3)
    assert stage.alive("anna")
    assert kinds(stage.tick()) == ["faint"]


def test_an_empty_slot_has_no_observation_no_reward_and_can_only_wait() -> None:
    stage = hungry_room()
    stage.ticks(5)
    assert not stage.town.observation[0, 0].any()
    assert stage.legal("anna") == {"wait"}
    assert stage.reward("anna") == 0.0
    assert not stage.state.reward_parts[0, 0].any()
    assert 0 not in stage.state.tile_occupant
    assert stage.tally("anna", "alive_ticks") == 4


def test_a_newcomer_takes_the_place_after_the_delay_and_starts_afresh() -> None:
    stage = hungry_room()
    stage.tick(anna="move_north")
    stage.ticks(6)
    assert not stage.alive("anna")
    assert [(event.kind, event.actor) for event in stage.tick()] == [("newcomer", "anna")]
    assert stage.alive("anna")
    assert stage.place("anna") == (2, 3)
    assert (stage.need("anna", "hunger"), stage.person("anna").starving) == (0.2, 0)
    assert "request_shower" in stage.legal("anna")


def test_a_newcomer_appears_beside_the_starting_tile_if_somebody_stands_on_it() -> None:
    stage = hungry_room()
    stage.tick(anna="move_west")
    stage.tick(dan="move_west")
    stage.tick(dan="move_north")
    assert stage.place("dan") == (2, 3)
    stage.ticks(7)
    assert stage.alive("anna")
    x, y = stage.place("anna")
    assert abs(x - 2) + abs(y - 3) == 1


def test_grudges_by_and_against_somebody_who_is_gone_are_forgotten() -> None:
    stage = hungry_room()
    stage.set_rivalry("anna", ben=0.8)
    stage.set_rivalry("ben", anna=0.8, cara=0.5)
    stage.ticks(4)
    assert stage.rivalry("anna", "ben") == 0.0
    stage.tick()
    assert stage.rivalry("ben", "anna") == 0.0
    assert stage.rivalry("ben", "cara") == 0.5
    stage.ticks(3)
    assert stage.alive("anna")
    assert stage.rivalry("anna", "ben") == stage.rivalry("ben", "anna") == 0.0


@pytest.mark.parametrize("order", [("anna", "ben", "cara"), ("ben", "anna", "cara")])
def test_whoever_faints_gives_up_the_place_at_an_object(order: tuple[str, ...]) -> None:
    stage = hungry_room()
    stage.queue_up(*order)
    assert kinds(stage.tick()) == ["faint"]
    stage.tick()
    rest = [name for name in order if name != "anna"]
    assert (stage.holder(), stage.queue()) == (rest[0], rest[1:])


def test_somebody_who_faints_in_the_middle_of_a_use_frees_the_object() -> None:
    stage = hungry_room(affordances={"wash": {"ticks": 50}})
    stage.queue_up("anna")
    stage.tick(anna="start", ben="request_shower")
    stage.ticks(2)
    assert not stage.alive("anna")
    stage.tick()
    assert stage.holder() == "ben"


def test_starting_needs_are_lowered_by_up_to_the_jitter_and_differ_between_worlds_and_episodes() -> None:
    scenario = shower_room(rules={"needs": {"start_jitter": 0.15}})
    levels = []
    stage = Stage(scenario, seed=3)
    for _ in range(50):
        levels.append(stage.state.people["needs"][0].copy())
        stage.tick()
        stage.town.reset()
    spread = np.array(levels)
    start = stage.town.layout.start_needs
    assert (spread <= start).all() and (spread >= start - 0.15).all()
    assert (spread.std(axis=0) > 0.02).all()
    assert len(np.unique(spread)) == spread.size


def unhappy_room(**lifecycle: Any) -> Stage:
    """Anna, Ben and Cara have low needs on average, and move away after 5 such ticks; a day has 20 ticks."""
    low = {"hunger": 0.1, "hygiene": 0.1, "energy": 0.3}
    return Stage(
        shower_room(
            ticks_per_day=20,
            people={name: {"needs": low} for name in ("anna", "ben", "cara")},
            rules={
                "needs": {"decay": {}, "newcomer_after": 4},
                "lifecycle": {"departure_after": 5, "departure_mood": 0.2, "most_leaving_per_day": 3, **lifecycle},
                "reward": {"survival": 0.0, "need_weights": {}, "faint": 1.0},
            },
        )
    )


def test_somebody_with_low_needs_on_average_for_departure_after_ticks_moves_away() -> None:
    stage = unhappy_room()
    assert stage.ticks(4) == []
    assert sorted((event.kind, event.actor) for event in stage.tick()) == [
        ("departure", "anna"),
        ("departure", "ben"),
        ("departure", "cara"),
    ]
    assert stage.terminated("anna") and not stage.alive("anna")
    assert stage.alive("dan")
    assert stage.reward("anna") == 0.0  # moving away costs nothing


def test_a_better_tick_in_between_starts_the_count_anew() -> None:
    stage = unhappy_room()
    stage.ticks(4)
    stage.person("anna").needs[0] = 0.9
    assert "anna" not in [event.actor for event in stage.tick()]
    stage.person("anna").needs[0] = 0.1
    assert "anna" not in [event.actor for event in stage.ticks(4) if event.kind == "departure"]
    assert ("departure", "anna") in [(event.kind, event.actor) for event in stage.tick()]


def test_without_departure_after_nobody_moves_away() -> None:
    stage = unhappy_room(departure_after=0)
    assert stage.ticks(60) == []


def test_no_more_than_the_most_leaving_per_day_move_away_and_the_rest_the_next_day() -> None:
    stage = unhappy_room(most_leaving_per_day=1, most_arriving_per_day=1)
    leavers: list[list[str]] = [[], [], []]
    for day in leavers:
        day += [event.actor for event in stage.ticks(20) if event.kind == "departure"]
    assert [len(day) for day in leavers] == [1, 1, 1]


def test_fainting_does_not_count_among_those_leaving() -> None:
    scenario = unhappy_room(most_leaving_per_day=2).scenario.model_dump()
    scenario["rules"]["needs"] |= {"faint_after": 3}
    scenario["people"]["anna"]["needs"]["hygiene"] = 0.0
    stage = Stage(type(unhappy_room().scenario).model_validate(scenario))
    assert sorted(kinds(stage.ticks(5))) == ["departure", "departure", "faint"]


def test_fainting_costs_its_weight_and_goes_before_moving_away() -> None:
    stage = unhappy_room()
    stage.ticks(4)
    stage.person("anna").starving = 100
    stage.person("anna").needs[1] = 0.0
    assert ("faint", "anna") in [(event.kind, event.actor) for event in stage.tick()]
    assert stage.reward_part("anna", "leaving") == -1.0


def test_no_more_than_the_most_arriving_per_day_come_to_town_and_the_rest_the_next_day() -> None:
    stage = unhappy_room(most_arriving_per_day=2)
    arrived = [event.actor for event in stage.ticks(20) if event.kind == "newcomer"]
    assert len(arrived) == 2
    (waiting,) = {"anna", "ben", "cara"} - set(arrived)
    assert not stage.alive(waiting)
    assert [event.actor for event in stage.tick() if event.kind == "newcomer"] == [waiting]


def test_a_newcomer_has_the_start_wallet_and_owes_nothing() -> None:
    scenario = shower_room(
        ticks_per_day=10,
        rules={
            "economy": {"start_wallet": 2.0, "rent_per_day": 5.0},
            "lifecycle": {"eviction_debt": 3.0, "most_leaving_per_day": 8},
            "needs": {"newcomer_after": 4},
        },
    )
    stage = Stage(scenario)
    assert kinds(stage.ticks(10)) == ["eviction"] * 4
    assert kinds(stage.ticks(4)) == ["newcomer"] * 4
    assert [stage.person(name).wallet for name in stage.town.people] == [2.0] * 4
