"""Needs that fall, people who faint, and the newcomers who take their places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from towns import Stage, kinds, shower_room


def hungry_room(**changes: Any) -> Stage:
    """Anna is close to starving; whoever lacks a need for 3 ticks faints, and 4 ticks later somebody new comes."""
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
        assert stage.person("anna").alive and not stage.person("anna").terminated
    assert [(event.kind, event.actor) for event in stage.tick()] == [("faint", "anna")]
    assert stage.person("anna").terminated and not stage.person("anna").alive
    stage.tick()
    assert not stage.person("anna").terminated


def test_a_meal_in_between_starts_the_count_anew() -> None:
    stage = hungry_room()
    stage.ticks(3)
    stage.person("anna").needs[0] = 0.15
    stage.ticks(3)
    assert stage.person("anna").alive
    assert kinds(stage.tick()) == ["faint"]


def test_an_empty_slot_has_no_observation_no_reward_and_can_only_wait() -> None:
    stage = hungry_room()
    stage.ticks(5)
    assert not stage.town.observation[0, 0].any()
    assert stage.legal("anna") == {"wait"}
    assert stage.person("anna").reward == 0.0
    assert not stage.person("anna").reward_parts.any()
    assert 0 not in stage.state.occupant
    assert stage.tally("anna", "alive_ticks") == 4


def test_a_newcomer_takes_the_place_after_the_delay_and_starts_afresh() -> None:
    stage = hungry_room()
    stage.tick(anna="move_north")
    stage.ticks(6)
    assert not stage.person("anna").alive
    assert [(event.kind, event.actor) for event in stage.tick()] == [("newcomer", "anna")]
    assert stage.person("anna").alive
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
    assert stage.person("anna").alive
    x, y = stage.place("anna")
    assert abs(x - 2) + abs(y - 3) == 1


def test_grudges_by_and_against_somebody_who_is_gone_are_forgotten() -> None:
    stage = hungry_room()
    stage.set_rivalry("anna", ben=0.8)
    stage.set_rivalry("ben", anna=0.8, cara=0.5)
    stage.ticks(4)
    assert stage.rivalry("anna", "ben") == stage.rivalry("ben", "anna") == 0.0
    assert stage.rivalry("ben", "cara") == 0.5
    stage.ticks(4)
    assert stage.person("anna").alive
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
    assert not stage.person("anna").alive
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
