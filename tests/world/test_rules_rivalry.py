"""Grudges: their rise in conflicts, their fall, and a ledger in which the weakest goes first."""

from __future__ import annotations

from typing import Any

import pytest
from support.towns import Stage, shower_room


def room_with(**rivalry: Any) -> Stage:
    return Stage(shower_room(rules={"rivalry": rivalry}))


def push_in_once(stage: Stage) -> float:
    """Let Cara push in before Ben; returns the conflict's intensity."""
    stage.queue_up("anna", "ben", "cara")
    (event,) = stage.tick(cara="push_in")
    return event.intensity


def test_a_conflict_raises_the_wronged_sides_grudge_in_full_and_the_actors_by_half() -> None:
    stage = room_with(increment_per_conflict=0.1)
    intensity = push_in_once(stage)
    assert stage.rivalry("ben", "cara") == pytest.approx(0.1 * intensity)
    assert stage.rivalry("cara", "ben") == pytest.approx(0.05 * intensity)
    assert stage.rivalry("anna", "cara") == stage.rivalry("anna", "ben") == 0.0


def test_rivalry_is_clamped_to_1() -> None:
    stage = room_with(increment_per_conflict=1.0)
    push_in_once(stage)
    assert stage.rivalry("ben", "cara") == 1.0


def test_every_grudge_falls_each_tick() -> None:
    stage = room_with(decay_per_tick=0.01)
    stage.set_rivalry("anna", ben=0.5, cara=0.3)
    stage.ticks(10)
    assert stage.rivalry("anna", "ben") == pytest.approx(0.4)
    assert stage.rivalry("anna", "cara") == pytest.approx(0.2)


def test_a_grudge_at_or_below_the_threshold_is_dropped() -> None:
    stage = room_with(decay_per_tick=0.125, drop_below=0.25)
    stage.set_rivalry("anna", ben=0.5)
    stage.tick()
    assert stage.rivalry("anna", "ben") == 0.375
    stage.tick()
    assert stage.rivalry("anna", "ben") == 0.0
    assert (stage.state.grudges[0, 0].other == -1).all()


def test_a_conflict_too_slight_to_remember_leaves_no_grudge() -> None:
    stage = room_with(increment_per_conflict=0.02)
    push_in_once(stage)
    assert stage.rivalry("ben", "cara") == 0.0


def test_a_courtesy_makes_no_grudge_and_none_negative() -> None:
    stage = room_with(polite_relief=0.3)
    stage.queue_up("anna", "ben")
    stage.set_rivalry("anna", ben=0.1)
    stage.tick(anna="yield")
    assert stage.rivalry("anna", "ben") == stage.rivalry("ben", "anna") == 0.0
    assert (stage.state.grudges[0].strength == 0.0).all()


def test_beyond_max_edges_the_weakest_grudge_goes() -> None:
    stage = room_with(max_edges=2, increment_per_conflict=0.2)
    stage.set_rivalry("ben", anna=0.6, dan=0.2)
    intensity = push_in_once(stage)
    assert stage.rivalry("ben", "cara") == pytest.approx(0.2 * intensity)
    assert stage.rivalry("ben", "anna") == 0.6
    assert stage.rivalry("ben", "dan") == 0.0


def test_a_new_grudge_weaker_than_all_of_a_full_ledger_is_not_kept() -> None:
    stage = room_with(max_edges=2, increment_per_conflict=0.2)
    stage.set_rivalry("ben", anna=0.6, dan=0.5)
    push_in_once(stage)
    assert stage.rivalry("ben", "cara") == 0.0
    assert (stage.rivalry("ben", "anna"), stage.rivalry("ben", "dan")) == (0.6, 0.5)


def test_a_grudge_that_is_held_already_grows_even_in_a_full_ledger() -> None:
    stage = room_with(max_edges=2, increment_per_conflict=0.2)
    stage.set_rivalry("ben", anna=0.6, cara=0.1)
    intensity = push_in_once(stage)
    assert stage.rivalry("ben", "cara") == pytest.approx(0.1 + 0.2 * intensity)


@pytest.mark.parametrize(("strength", "rivals"), [(0.4, 1), (0.399, 0)])
def test_from_the_avoid_threshold_on_the_other_is_a_rival(strength: float, rivals: int) -> None:
    stage = room_with(avoid_threshold=0.4, max_edges=4)
    stage.set_rivalry("anna", ben=strength, cara=0.2)
    stage.tick()
    assert stage.tally("anna", "avoid_count_max") == rivals
    assert stage.sees("anna", "rivals") == pytest.approx(rivals / 4)
    assert stage.sees("anna", "rivalry_strongest") == pytest.approx(strength)
    assert stage.tally("anna", "rivalry_max_max") == pytest.approx(strength)


def test_people_see_the_grudge_against_somebody_at_an_object() -> None:
    stage = room_with()
    stage.queue_up("anna")
    stage.set_rivalry("ben", anna=0.7)
    stage.tick()
    assert stage.sees("ben", "shower_rivalry") == pytest.approx(0.7)
    assert stage.sees("cara", "shower_rivalry") == 0.0


def test_the_ledger_counts_its_grudges() -> None:
    stage = room_with(decay_per_tick=0.01, drop_below=0.25, increment_per_conflict=0.4)
    push_in_once(stage)
    assert [stage.person(name).grudges for name in ("anna", "ben", "cara")] == [0, 1, 1]
    stage.set_rivalry("anna", ben=0.255, dan=0.6)
    assert stage.person("anna").grudges == 2
    stage.tick()
    assert stage.person("anna").grudges == 1


def test_a_grudge_against_somebody_who_has_left_ends_with_the_next_tick() -> None:
    people = {"ben": {"needs": {"hunger": 0.0}}}
    needs = {"faint_after": 2, "newcomer_after": 5}
    stage = Stage(shower_room(people=people, rules={"needs": needs}))
    stage.set_rivalry("anna", ben=0.9, cara=0.5)
    stage.ticks(2)
    assert not stage.alive("ben")
    stage.tick()
    assert (stage.rivalry("anna", "ben"), stage.rivalry("anna", "cara")) == (0.0, 0.5)
    assert stage.person("anna").grudges == 1


def test_a_new_episode_begins_without_grudges() -> None:
    stage = room_with()
    push_in_once(stage)
    stage.town.reset()
    assert (stage.state.grudges["strength"] == 0.0).all()
    assert (stage.state.grudges["other"] == -1).all()
    assert not stage.state.people["grudges"].any()
