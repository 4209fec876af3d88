"""Property tests: any small town under any actions, and a large number of ticks of the town of eight."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.any_town import any_actions, legal_actions, scenarios
from support.busy_corner import busy_corner
from support.invariants import check_everything
from support.places import SCENARIOS

from townlet.config import Scenario, load_scenario
from townlet.config.rules import PerturbationRules, RulesConfig
from townlet.world import COUNTERS, EVENT_KINDS, Town
from townlet.world.rules.actions import EAST, NORTH, REQUEST
from townlet.world.state.arrays import FINISHED, IDLE, USING
from townlet.world.state.events import CLOSURE, ILLEGAL_ACTIONS, POWER_OUTAGE, PRICE_SPIKE, WATER_OUTAGE

WORLDS, TICKS = 6, 50
QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def undisturbed(scenario: Scenario) -> Scenario:
    """The same town without anything that interrupts a use."""
    rules = scenario.rules
    changes = {
        "perturbations": PerturbationRules(),
        "employment": rules.employment.model_copy(update={"late_help": False}),
    }
    return scenario.model_copy(update={"rules": rules.model_copy(update=changes)})


@QUICK
@given(scenario=scenarios(), seed=st.integers(0, 2**31 - 1))
def test_every_tick_of_any_town_keeps_the_invariants_under_any_actions(scenario: Scenario, seed: int) -> None:
    town = Town(scenario, worlds=WORLDS, seed=seed)
    rng = np.random.default_rng(seed)
    illegal = np.zeros(WORLDS)
    check_everything(town)
    for _ in range(TICKS):
        action = any_actions(town, rng)
        exists = (action >= 0) & (action < town.mask.shape[-1])
        legal = exists & np.take_along_axis(town.mask, np.where(exists, action, 0)[..., None], -1)[..., 0]
        illegal += (~legal).sum(1)
        town.step(action)
        check_everything(town)
    assert (town.state.counter[:, ILLEGAL_ACTIONS] == illegal).all()


@QUICK
@given(scenario=scenarios(), seed=st.integers(0, 2**31 - 1))
def test_whatever_the_mask_calls_legal_is_carried_out_and_every_use_finishes(scenario: Scenario, seed: int) -> None:
    town = Town(undisturbed(scenario), worlds=WORLDS, seed=seed)
    rng = np.random.default_rng(seed)
    people = town.state.people
    number = {name: index for index, name in enumerate(town.action_names)}
    for _ in range(TICKS):
        before, alive = people.copy(), town.alive.copy()
        action = legal_actions(town, rng)
        town.step(action)
        there = alive & town.alive
        role, was = people["role"], before["role"]

        asked = there & (action == number["start"])
        assert np.isin(role[asked], (USING, FINISHED)).all()
        released = there & (action == number["release"])
        assert (role[released] != USING).all()
        left = there & (action == number["leave_queue"])
        assert (role[left] == IDLE).all()
        requested = there & (action >= REQUEST) & (action < number["start"])
        arrived = requested & (before["tile"] == people["tile"])
        moved = (people["tile"] != before["tile"]) & there
        assert not (moved & ~requested & ~((action >= NORTH) & (action <= EAST))).any()
        assert (role[requested & moved] == IDLE).all() and (was[arrived] == IDLE).all()

        kept = there & (was == USING) & ~released
        last = before["remaining"] == 1
        assert (role[kept & last] == FINISHED).all()
        assert (role[kept & ~last] == USING).all()
        assert (people["remaining"][kept & ~last] == before["remaining"][kept & ~last] - 1).all()
    assert not town.state.counter[:, ILLEGAL_ACTIONS].any()

    for _ in range(6):
        town.step(np.zeros(people.shape, np.int32))
    assert not (people["role"] == USING).any()


@QUICK
@given(scenario=scenarios(), seed=st.integers(0, 2**31 - 1))
def test_every_event_is_counted_and_names_people_and_objects_that_exist(scenario: Scenario, seed: int) -> None:
    town = Town(scenario, worlds=WORLDS, seed=seed)
    rng = np.random.default_rng(seed)
    counted = np.zeros((WORLDS, len(EVENT_KINDS) + 1))
    for _ in range(TICKS):
        town.step(any_actions(town, rng))
        for w, count in enumerate(town.state.worlds["event_count"]):
            events = town.state.events[w, :count]
            np.add.at(counted[w], events["kind"], 1)
            counted[w, -1] += events["intensity"].sum()
            conflict = events["kind"] < 4
            assert ((events["intensity"] >= 0.1) & (events["intensity"] <= 5.0))[conflict].all()
            assert (events["intensity"][~conflict] == 0).all()
            personal = ~np.isin(events["kind"], (POWER_OUTAGE, WATER_OUTAGE, PRICE_SPIKE, CLOSURE))
            assert ((events["actor"] >= 0) == personal).all() and (events["actor"] < len(town.people)).all()
            assert (events["rival"] < len(town.people)).all() and (events["rival"] != events["actor"])[personal].all()
            assert (events["rival"][conflict] >= 0).all() and (events["object"][conflict] >= 0).all()
            assert (events["object"] < len(town.objects)).all()
            assert (events["queue_length"] >= 0).all() and (events["queue_length"] <= 8).all()
            caused = np.bincount(events["actor"][personal], events["intensity"][personal], len(town.people))
            assert np.allclose(caused, town.state.people["caused"][w])
    assert np.allclose(counted, town.state.counter[:, : counted.shape[1]])


def test_ten_days_where_everything_happens_keep_the_invariants() -> None:
    scenario = busy_corner("full")
    town = Town(scenario, worlds=32, seed=1)
    rng = np.random.default_rng(1)
    for _ in range(10 * scenario.ticks_per_day):
        town.step(any_actions(town, rng))
        check_everything(town)
    unheard_of = [name for name, total in zip(COUNTERS, town.state.counter.sum(0), strict=True) if total == 0]
    assert unheard_of == []


def test_a_million_agent_steps_of_a_day_in_town_keep_the_invariants() -> None:
    scenario = load_scenario(SCENARIOS / "town_day.yaml")
    fate = {kind: {"per_day": 1.0} for kind in ("power_outage", "water_outage", "price_spike", "closure")}
    rules = {**scenario.rules.model_dump(), "perturbations": fate}
    rules["lifecycle"] = {**rules["lifecycle"], "departure_after": 100, "departure_mood": 0.4}
    content = scenario.model_copy(update={"rules": RulesConfig.model_validate(rules)})
    town = Town(content, worlds=64, seed=1)
    rng = np.random.default_rng(1)
    happened = np.zeros(len(EVENT_KINDS))
    lived = 0
    while lived < 1_000_000:
        lived += int(town.alive.sum())
        town.step(any_actions(town, rng))
        check_everything(town)
        if town.tick == scenario.ticks:
            happened += town.state.counter[:, : len(EVENT_KINDS)].sum(0)
            town.reset_tallies()
            town.reset()
    for kind in ("power_outage", "water_outage", "price_spike", "closure", "departure", "faint", "use_interrupted"):
        assert happened[EVENT_KINDS.index(kind)] > 0, kind
