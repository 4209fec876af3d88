"""What holds in every town after every tick, whatever its people do."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from townlet.config import Scenario
from townlet.config.references import find_broken_references
from townlet.world import Town
from townlet.world.actions import REQUEST, START, WAIT
from townlet.world.events import ILLEGAL_ACTIONS
from townlet.world.state import FINISHED, HOLDING, IDLE, USING, WAITING

WORLDS, TICKS = 6, 50
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Small towns: any layout of walls, up to four objects of up to two types, one to eight people, any rules."""
    width, height = draw(st.integers(3, 8)), draw(st.integers(3, 8))
    tiles = draw(st.permutations([[x, y] for x in range(width) for y in range(height)]))
    people = draw(st.integers(1, min(8, len(tiles) - 4)))
    objects = draw(st.integers(0, 4))
    walls = draw(st.integers(0, min(6, len(tiles) - people - objects)))
    types = ["shower", "counter"][: draw(st.integers(1, 2))]
    things = {f"thing_{i}": {"type": types[i % len(types)], "at": tiles.pop()} for i in range(objects)}
    counters = [name for name, thing in things.items() if thing["type"] == "counter"]
    affordances: dict[str, Any] = {}
    if objects:
        effects = draw(st.fixed_dictionaries({"hygiene": st.floats(-1, 1), "hunger": st.floats(-1, 1)}))
        below = {"hygiene": draw(st.floats(0, 1))} if draw(st.booleans()) else {}
        affordances["wash"] = {
            "object": "shower",
            "ticks": draw(st.integers(1, 6)),
            "effects": effects,
            "when_below": below,
            "counts_as": "shower_complete",
        }
    jobs: dict[str, Any] = {}
    if counters:
        affordances["serve"] = {"object": "counter", "ticks": draw(st.integers(1, 6)), "work": True}
        start = draw(st.integers(0, 10))
        jobs["clerk"] = {"workplace": counters[0], "start": start, "end": start + draw(st.integers(1, 9)), "wage": 0.1}
    levels = st.fixed_dictionaries({"hunger": st.floats(0, 1), "hygiene": st.floats(0, 1)})
    inhabitants = {
        f"person_{i}": {"at": tiles.pop(), "needs": draw(levels), "job": "clerk" if jobs and i % 2 == 0 else None}
        for i in range(people)
    }
    rate = st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0])
    rules = {
        "needs": {
            "decay": {"hunger": draw(rate), "hygiene": draw(rate)},
            "start_jitter": draw(st.sampled_from([0.0, 0.3])),
            "faint_after": draw(st.integers(1, 12)),
            "newcomer_after": draw(st.integers(1, 5)),
        },
        "queue": {
            "cooldown_ticks": draw(st.integers(0, 6)),
            "ghost_step_after": draw(st.integers(1, 3)),
            "fair_use_ticks": draw(st.integers(1, 4)),
            "age_priority_weight": draw(st.sampled_from([0.0, 0.3, 1.0, 5.0])),
            "intensity_per_waiter": draw(st.sampled_from([0.0, 0.25, 3.0])),
        },
        "rivalry": {
            "increment_per_conflict": draw(rate),
            "decay_per_tick": draw(rate),
            "polite_relief": draw(rate),
            "drop_below": draw(st.sampled_from([0.0, 0.05, 0.3])),
            "avoid_threshold": draw(st.sampled_from([0.2, 0.7])),
            "max_edges": draw(st.integers(1, 5)),
        },
        "employment": {"due_before": draw(st.integers(0, 4)), "absent_after": draw(st.integers(1, 6))},
    }
    scenario = Scenario.model_validate(
        {
            "name": "anywhere",
            "description": "Any small town.",
            "ticks": 1000,
            "ticks_per_day": 20,
            "map": {
                "width": width,
                "height": height,
                "walls": [{"corner": tile, "opposite": tile} for tile in (tiles.pop() for _ in range(walls))],
            },
            "objects": things,
            "affordances": affordances,
            "jobs": jobs,
            "people": inhabitants,
            "rules": rules,
            "observations": {
                "neighbors": draw(st.integers(0, 4)),
                "view_radius": draw(st.integers(1, 3)),
            },
        }
    )
    assert find_broken_references(scenario) == []
    return scenario


def legal_actions(town: Town, rng: np.random.Generator) -> NDArray[np.int32]:
    """A random legal action for everybody, requests and starts more often than steps aside."""
    weight = np.ones(town.mask.shape[-1])
    weight[REQUEST : REQUEST + town.layout.types] = 6
    weight[REQUEST + town.layout.types + START] = 4
    return np.asarray((rng.random(town.mask.shape) * weight * town.mask).argmax(-1), np.int32)


def any_actions(town: Town, rng: np.random.Generator) -> NDArray[np.int32]:
    """Legal actions for most, anything for some, numbers that are no action among it."""
    wild = rng.integers(-2, town.mask.shape[-1] + 2, town.mask.shape[:2]).astype(np.int32)
    return np.where(rng.random(wild.shape) < 0.7, legal_actions(town, rng), wild)


def check_queues(town: Town) -> None:
    """Nobody is in two places, no place is empty or taken by somebody who is elsewhere, and nothing is stuck."""
    people, objects = town.state.people, town.state.objects
    role, at = people["role"], people["at_object"]
    assert ((role == IDLE) == (at == -1)).all()
    assert (role[~people["alive"]] == IDLE).all()
    if objects.shape[1] == 0:
        assert (role == IDLE).all()
        return
    entries, length = objects["queue"], objects["queue_length"]
    filled = np.arange(entries.shape[-1]) < length[..., None]
    assert ((entries >= 0) == filled).all()
    w, thing, _ = np.nonzero(filled)
    who = entries[filled]
    assert (role[w, who] == WAITING).all() and (at[w, who] == thing).all()
    assert len(set(zip(w.tolist(), who.tolist(), strict=True))) == len(who) == (role == WAITING).sum()

    held = objects["holder"] >= 0
    w, thing = np.nonzero(held)
    who = objects["holder"][held]
    assert np.isin(role[w, who], (HOLDING, USING, FINISHED)).all() and (at[w, who] == thing).all()
    assert len(who) == np.isin(role, (HOLDING, USING, FINISHED)).sum()
    assert (held.sum(1) <= people["alive"].sum(1)).all()

    # Only a holder who fainted at this tick's end leaves a queue before a free object, until the next tick.
    stuck = ~held & (length > 0)
    assert not (stuck.any(1) & ~people["terminated"].any(1)).any()

    w, a = np.nonzero(role != IDLE)
    assert (town.layout.distance[at[w, a], people["tile"][w, a]] == 0).all()


def check_queue_order(town: Town) -> None:
    """Queues are ordered by rank − age_priority_weight × ticks waited."""
    people, objects = town.state.people, town.state.objects
    priority = people["rank"] - town.rules.age_priority_weight * people["waited"]
    for place in range(objects["queue"].shape[-1] - 1):
        w, thing = np.nonzero(objects["queue_length"] > place + 1)
        front, behind = (objects["queue"][w, thing, place + i] for i in (0, 1))
        assert (priority[w, front] <= priority[w, behind] + 1e-9).all()


def check_places(town: Town) -> None:
    """One person per tile, nobody in a wall, and the grid of occupants says the same as the people."""
    people, occupant = town.state.people, town.state.occupant
    w, a = np.nonzero(people["alive"])
    assert (occupant[w, people["tile"][w, a]] == a).all()
    assert ((occupant >= 0).sum(1) == people["alive"].sum(1)).all()
    assert not town.layout.blocked[people["tile"][w, a]].any()


def check_levels(town: Town) -> None:
    """Needs, grudges and running uses are within their bounds, and no ledger names anybody twice."""
    people, grudges = town.state.people, town.state.grudges
    assert (people["needs"] >= 0).all() and (people["needs"] <= 1).all()
    other, strength = grudges["other"], grudges["strength"]
    assert (strength >= 0).all() and (strength <= 1).all()
    assert ((strength > 0) == (other >= 0)).all()
    assert (strength[other >= 0] > town.rules.rivalry_drop).all()
    assert (other != np.arange(other.shape[1])[:, None]).all()
    ordered = np.sort(other, axis=-1)
    assert not ((ordered[..., 1:] == ordered[..., :-1]) & (ordered[..., 1:] >= 0)).any()
    w, a, k = np.nonzero(other >= 0)
    assert people["alive"][w, a].all() and people["alive"][w, other[w, a, k]].all()

    using = people["role"] == USING
    assert ((people["affordance"] >= 0) == using).all()
    duration = town.rules.affordance_ticks
    if using.any():
        assert (people["remaining"][using] >= 1).all()
        assert (people["remaining"][using] < duration[people["affordance"][using]]).all()


def check_what_people_see(town: Town) -> None:
    """Observations are finite and within their declared range, and waiting is always legal."""
    alive = town.state.people["alive"]
    low = np.array([feature["low"] for feature in town.observation_schema], np.float32)
    high = np.array([feature["high"] for feature in town.observation_schema], np.float32)
    assert np.isfinite(town.observation).all()
    outside = (town.observation < low - 1e-6) | (town.observation > high + 1e-6)
    assert not outside.any(), [town.observation_schema[i]["name"] for i in np.flatnonzero(outside.any((0, 1)))]
    assert not town.observation[~alive].any()
    assert town.mask[..., WAIT].all()
    assert not town.mask[~alive][:, 1:].any()
    assert (town.state.worlds["event_count"] <= town.state.events.shape[1]).all()
    assert np.isfinite(town.state.people["reward"]).all()


def check_everything(town: Town) -> None:
    check_queues(town)
    check_queue_order(town)
    check_places(town)
    check_levels(town)
    check_what_people_see(town)


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
    town = Town(scenario, worlds=WORLDS, seed=seed)
    rng = np.random.default_rng(seed)
    people = town.state.people
    after = REQUEST + town.layout.types
    for _ in range(TICKS):
        before = people.copy()
        action = legal_actions(town, rng)
        town.step(action)
        there = before["alive"] & people["alive"]
        role, was = people["role"], before["role"]

        asked = there & (action == after + START)
        assert np.isin(role[asked], (USING, FINISHED)).all()
        released = there & (action == after + 1)
        assert (role[released] != USING).all()
        left = there & (action == after + 4)
        assert (role[left] == IDLE).all()
        requested = there & (action >= REQUEST) & (action < after)
        arrived = requested & (before["tile"] == people["tile"])
        moved = (people["tile"] != before["tile"]) & there
        assert not (moved & ~requested & ~((action >= 1) & (action <= 4))).any()
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
    counted = np.zeros((WORLDS, 14))
    for _ in range(TICKS):
        town.step(any_actions(town, rng))
        for w, count in enumerate(town.state.worlds["event_count"]):
            events = town.state.events[w, :count]
            np.add.at(counted[w], events["kind"], 1)
            counted[w, 13] += events["intensity"].sum()
            conflict = events["kind"] < 4
            assert ((events["intensity"] >= 0.1) & (events["intensity"] <= 5.0))[conflict].all()
            assert (events["intensity"][~conflict] == 0).all()
            assert ((events["actor"] >= 0) & (events["actor"] < len(town.people))).all()
            assert (events["rival"] < len(town.people)).all() and (events["rival"] != events["actor"]).all()
            assert (events["rival"][conflict] >= 0).all() and (events["object"][conflict] >= 0).all()
            assert (events["object"] < len(town.objects)).all()
            assert (events["queue_length"] >= 0).all() and (events["queue_length"] <= 8).all()
            caused = np.bincount(events["actor"], events["intensity"], len(town.people))
            assert np.allclose(caused, town.state.people["caused"][w])
    assert np.allclose(counted, town.state.counter[:, :14])
