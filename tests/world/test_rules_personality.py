"""Personality: the effects of extroversion, forgiveness, ambition and patience; the average has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.square import set_ties, square
from support.towns import Stage, callable_from_python, kinds, shower_room

from townlet.world import Town
from townlet.world.rules import personality
from townlet.world.state.events import CHAT_SUCCESS

LEVELS = (0.0, 0.5, 1.0)

trait_factor = callable_from_python(personality.trait_factor)


@given(strength=st.floats(0, 1))
def test_an_average_trait_changes_nothing_at_any_strength(strength: float) -> None:
    town = Town(shower_room(rules={"personality": {"strength": strength}}), worlds=1, seed=0)
    assert {trait_factor(town.layout, town.rules, a, trait) for a in range(4) for trait in range(4)} == {1.0}


@pytest.mark.parametrize(("strength", "factors"), [(1.0, [0.0, 1.0, 2.0]), (0.5, [0.5, 1.0, 1.5]), (0.0, [1, 1, 1])])
def test_a_trait_multiplies_by_0_to_2_at_full_strength_and_by_1_at_none(strength: float, factors: list[float]) -> None:
    names = ("anna", "ben", "cara")
    people = {name: {"personality": {"patience": level}} for name, level in zip(names, LEVELS, strict=True)}
    town = Town(shower_room(people=people, rules={"personality": {"strength": strength}}), worlds=1, seed=0)
    assert [trait_factor(town.layout, town.rules, a, 3) for a in range(3)] == factors


def test_the_forgiving_forget_sooner() -> None:
    left = []
    for level in LEVELS:
        people = {"anna": {"personality": {"forgiveness": level}}}
        stage = Stage(shower_room(people=people, rules={"rivalry": {"decay_per_tick": 0.01}}))
        stage.set_rivalry("anna", ben=0.5)
        stage.ticks(10)
        left.append(stage.rivalry("anna", "ben"))
    assert left == pytest.approx([0.5, 0.4, 0.3])


def test_the_forgiving_are_reconciled_more_by_a_good_chat() -> None:
    left = []
    for level in LEVELS:
        people = {"ben": {"personality": {"forgiveness": level}}}
        stage = Stage(square(people=people, rules={"relationships": {"reconciliation": 0.2}}))
        stage.set_rivalry("ben", anna=0.35)
        stage.tick(anna="chat")
        left.append(stage.rivalry("ben", "anna"))
    assert left == pytest.approx([0.35, 0.25, 0.15])


def test_the_ambitious_resent_it_more_to_be_wronged() -> None:
    grudges = []
    for level in LEVELS:
        rules = {"rivalry": {"increment_per_conflict": 0.1}}
        stage = Stage(shower_room(people={"ben": {"personality": {"ambition": level}}}, rules=rules))
        stage.queue_up("anna", "ben", "cara")
        (event,) = stage.tick(cara="push_in")
        grudges.append(stage.rivalry("ben", "cara") / event.intensity)
        assert stage.rivalry("cara", "ben") == pytest.approx(0.05 * event.intensity)
    assert grudges == pytest.approx([0.0, 0.1, 0.2])


def test_the_chats_of_extroverts_succeed_more_often() -> None:
    shares = []
    for level in LEVELS:
        people = {"ben": {"personality": {"extroversion": level}}}
        town = Town(square(people=people, rules={"relationships": {"chat_base": 0.4}}), worlds=300, seed=1)
        action = np.zeros((300, 4), np.int32)
        action[:, 0] = town.action_names.index("chat")
        town.step(action)
        shares.append(town.state.counter[:, CHAT_SUCCESS].sum() / 300)
    assert shares == pytest.approx([0.2, 0.4, 0.6], abs=0.08)


def test_the_chats_of_extroverts_are_better() -> None:
    qualities = []
    for level in LEVELS:
        people = {name: {"personality": {"extroversion": level}} for name in ("anna", "ben")}
        stage = Stage(square(people=people, rules={"personality": {"strength": 0.5}}))
        set_ties(stage, "anna", ben=(0.0, 1.0))
        set_ties(stage, "ben", anna=(0.0, 1.0))
        stage.tick(anna="chat")
        qualities.append(stage.tally("ben", "chat_quality_sum"))
    assert qualities == pytest.approx([0.625, 0.75, 0.875])


def impatient_ticks(stage: Stage, ticks: int) -> list[int]:
    """The ticks that Ben had waited each time he lost his patience, while Anna keeps the shower."""
    stage.queue_up("anna", "ben")
    happened = stage.ticks(ticks)
    assert {(event.kind, event.actor, event.rival) for event in happened} <= {("impatience", "ben", "anna")}
    assert all(event.thing == "shower_1" and event.queue_length == 1 for event in happened)
    return [event.detail for event in happened]


def test_each_time_people_have_waited_as_long_as_their_patience_lasts_their_grudge_against_the_holder_grows() -> None:
    stage = Stage(shower_room(rules={"queue": {"patience_ticks": 4, "impatience": 0.1}}))
    assert impatient_ticks(stage, 13) == [4, 8, 12]
    assert stage.rivalry("ben", "anna") == pytest.approx(0.3)
    assert stage.rivalry("anna", "ben") == 0.0
    assert stage.person("ben").suffered == 0.0  # it is no conflict


def test_without_a_limit_nobody_loses_patience() -> None:
    assert impatient_ticks(Stage(shower_room(rules={"queue": {"patience_ticks": 0}})), 30) == []


@pytest.mark.parametrize(("patience", "moments"), [(0.0, [2, 3, 4, 5, 6, 7, 8, 9, 10]), (0.25, [3, 6, 9]), (1.0, [10])])
def test_the_patient_wait_longer_before_they_take_offence(patience: float, moments: list[int]) -> None:
    people = {"ben": {"personality": {"patience": patience}}}
    stage = Stage(shower_room(people=people, rules={"queue": {"patience_ticks": 5}}))
    assert [waited for waited in impatient_ticks(stage, 9) if waited > 1] == moments


def test_nobody_is_begrudged_a_turn_that_is_over() -> None:
    stage = Stage(shower_room(rules={"queue": {"patience_ticks": 4}}))
    stage.queue_up("anna", "ben")
    stage.ticks(2)
    assert kinds(stage.tick(anna="leave_queue")) == []
    assert stage.holder() == "ben"
