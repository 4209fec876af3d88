"""Ties: trust and familiarity that grow and fade, and a ledger in which the weakest tie goes first."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.square import set_ties, square, ties
from support.towns import Stage, callable_from_python

from townlet.world.rules import relationships

AVERAGE_QUALITY = 0.5

strengthen = callable_from_python(relationships.strengthen)


def test_trust_and_familiarity_fade_tick_by_tick() -> None:
    stage = Stage(square(rules={"relationships": {"decay_per_tick": 0.01}}))
    set_ties(stage, "anna", ben=(0.5, 0.3))
    stage.ticks(10)
    assert ties(stage, "anna")["ben"] == pytest.approx((0.4, 0.2))
    stage.ticks(25)
    assert ties(stage, "anna")["ben"] == pytest.approx((0.15, 0.0))


def test_what_has_faded_does_not_come_back_when_the_tie_grows_again() -> None:
    stage = Stage(square(rules={"relationships": {"decay_per_tick": 0.01, "chat_gain": 0.1}}))
    set_ties(stage, "ben", anna=(0.3, 0.1))
    stage.ticks(20)
    stage.tick(anna="chat")
    trust, familiarity = ties(stage, "ben")["anna"]
    assert trust == pytest.approx(0.3 - 0.21 + 0.01 + 0.1 * quality_between(0.1, 0.0) - 0.01, abs=1e-3)
    assert familiarity == pytest.approx(0.1 - 0.01)


def quality_between(trust: float, familiarity: float) -> float:
    """The quality of a chat between average people, one of whom has this tie with the other and the other none."""
    return AVERAGE_QUALITY + (1 - AVERAGE_QUALITY) * (trust / 2 + familiarity / 2) / 2


def test_people_see_their_ties_with_those_in_view() -> None:
    stage = Stage(square())
    set_ties(stage, "anna", ben=(0.5, 0.25))
    stage.tick()
    assert (stage.sees("anna", "neighbor1_trust"), stage.sees("anna", "neighbor1_familiarity")) == (0.5, 0.25)
    assert (stage.sees("ben", "neighbor1_trust"), stage.sees("ben", "neighbor1_familiarity")) == (0.0, 0.0)


def test_trust_and_familiarity_stay_within_0_and_1() -> None:
    stage = Stage(square(rules={"relationships": {"chat_gain": 0.5}}))
    set_ties(stage, "anna", ben=(0.9, 0.9))
    stage.tick(anna="chat")
    assert ties(stage, "anna")["ben"] == (1.0, 1.0)


def test_a_tie_without_trust_or_familiarity_is_dropped() -> None:
    stage = Stage(square(rules={"relationships": {"chat_base": 0.0, "chat_gain": 0.2}}))
    set_ties(stage, "anna", ben=(0.1, 0.0), cara=(0.3, 0.3))
    stage.tick(anna="chat")
    assert ties(stage, "anna") == {"cara": (0.3, 0.3)}
    assert stage.person("anna").ties == 1


def test_a_failed_chat_of_strangers_makes_no_tie() -> None:
    stage = Stage(square(rules={"relationships": {"chat_base": 0.0}}))
    stage.tick(anna="chat")
    assert ties(stage, "anna") == ties(stage, "ben") == {}
    assert stage.person("anna").ties == 0


def test_beyond_max_ties_the_weakest_goes() -> None:
    stage = Stage(square(rules={"relationships": {"max_ties": 2, "chat_gain": 0.2}}))
    set_ties(stage, "anna", cara=(0.0, 0.2), dan=(0.4, 0.0))
    stage.tick(anna="chat")
    assert ties(stage, "anna") == {"ben": pytest.approx((0.2 * AVERAGE_QUALITY, 0.2)), "dan": (0.4, 0.0)}
    assert stage.person("anna").ties == 2


def test_a_new_tie_weaker_than_all_of_a_full_ledger_is_not_kept() -> None:
    stage = Stage(square(rules={"relationships": {"max_ties": 2, "chat_gain": 0.2}}))
    set_ties(stage, "anna", cara=(0.2, 0.3), dan=(0.4, 0.0))
    stage.tick(anna="chat")
    assert set(ties(stage, "anna")) == {"cara", "dan"}
    assert set(ties(stage, "ben")) == {"anna"}


def test_a_tie_that_has_faded_makes_room() -> None:
    stage = Stage(square(rules={"relationships": {"max_ties": 1, "decay_per_tick": 0.01, "chat_gain": 0.02}}))
    set_ties(stage, "anna", dan=(0.05, 0.05))
    stage.ticks(5)
    stage.tick(anna="chat")
    assert set(ties(stage, "anna")) == {"ben"}


def test_a_tie_with_somebody_who_has_left_is_void_and_its_entry_free() -> None:
    """Ben starves, and his successor is a stranger."""
    faints = {"faint_after": 3, "newcomer_after": 1}
    changes = {"needs": faints, "relationships": {"max_ties": 1, "chat_gain": 0.2}}
    stage = Stage(square(people={"ben": {"needs": {"hunger": 0.0}}}, rules=changes))
    set_ties(stage, "anna", ben=(0.9, 0.9))
    happened = [event.kind for event in stage.ticks(5)]
    assert "faint" in happened and "newcomer" in happened
    assert ties(stage, "anna") == {}
    assert stage.sees("anna", "neighbor1_trust") == stage.sees("anna", "neighbor1_familiarity") == 0.0
    stage.tick(anna="chat")
    assert ties(stage, "anna") == {"ben": pytest.approx((0.2 * AVERAGE_QUALITY, 0.2))}


def test_a_new_episode_begins_without_ties() -> None:
    stage = Stage(square())
    stage.tick(anna="chat")
    assert stage.person("anna").ties == 1
    stage.town.reset()
    assert ties(stage, "anna") == {}
    assert not stage.state.people["ties"].any()


CHANGES = st.tuples(st.integers(1, 3), st.floats(-1, 1), st.floats(-1, 1), st.integers(0, 60), st.booleans())


@settings(max_examples=50)
@given(most=st.integers(1, 3), changes=st.lists(CHANGES, max_size=12))
def test_a_ledger_counts_its_ties_holds_nobody_twice_and_stays_in_bounds(
    most: int, changes: list[tuple[int, float, float, int, bool]]
) -> None:
    stage = Stage(square(rules={"relationships": {"max_ties": most, "decay_per_tick": 0.01}}))
    state, rules = stage.state, stage.town.rules
    for other, trust, familiarity, pause, leaves in changes:
        strengthen(state, rules, 0, 0, other, trust, familiarity)
        ledger = state.ties[0, 0]
        held = [int(name) for name in ledger.other if name >= 0]
        assert len(held) == len(set(held)) == state.people[0, 0].ties
        for level in (ledger.trust, ledger.familiarity):
            assert ((level >= 0) & (level <= 1)).all()
        assert ((ledger.trust + ledger.familiarity > 0) == (ledger.other >= 0)).all()
        state.worlds[0].clock += pause
        state.people[0, other].generation += leaves
