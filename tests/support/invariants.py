"""Invariants that hold in every town after every tick, whatever people do; each check covers a whole batch."""

from __future__ import annotations

import numpy as np

from townlet.world import Town
from townlet.world.rules.actions import REQUEST, WAIT
from townlet.world.state.arrays import FINISHED, HOLDING, IDLE, USING, WAITING, WORD_OBJECTS


def check_queues(town: Town) -> None:
    """Roles, holders and queues agree: nobody is at two objects, no position is empty, and no queue is stuck."""
    people, objects = town.state.people, town.state.objects
    role, at = people["role"], people["at_object"]
    assert ((role == IDLE) == (at == -1)).all()
    assert (role[~town.alive] == IDLE).all()
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
    assert (held.sum(1) <= town.alive.sum(1)).all()

    # Only a holder who fainted at the end of this tick leaves a free object with a queue, until the next tick.
    stuck = ~held & (length > 0)
    assert not (stuck.any(1) & ~town.terminated.any(1)).any()

    w, a = np.nonzero(role != IDLE)
    dx = people["x"][w, a] - town.layout.object_x[at[w, a]]
    dy = people["y"][w, a] - town.layout.object_y[at[w, a]]
    assert (np.abs(dx) <= 1).all() and (np.abs(dy) <= 1).all()
    assert not (objects["out_of_service"] & (held | (length > 0))).any()


def check_queue_order(town: Town) -> None:
    """Queues are ordered by rank − age_priority_weight × ticks waited."""
    people, objects = town.state.people, town.state.objects
    priority = people["rank"] - town.rules.age_priority_weight * people["waited"]
    for place in range(objects["queue"].shape[-1] - 1):
        w, thing = np.nonzero(objects["queue_length"] > place + 1)
        front, behind = (objects["queue"][w, thing, place + i] for i in (0, 1))
        assert (priority[w, front] <= priority[w, behind] + 1e-9).all()


def check_places(town: Town) -> None:
    """Each tile has at most one person, nobody is in a wall, and ``tile_occupant`` agrees with the people."""
    people, occupant = town.state.people, town.state.tile_occupant
    w, a = np.nonzero(town.alive)
    assert (occupant[w, people["tile"][w, a]] == a).all()
    assert ((occupant >= 0).sum(1) == town.alive.sum(1)).all()
    assert not town.layout.blocked[people["tile"][w, a]].any()
    assert (people["y"] * town.layout.width + people["x"] == people["tile"])[w, a].all()


def check_levels(town: Town) -> None:
    """Needs, grudges and running uses are within their bounds, and no ledger of grudges names anybody twice."""
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
    assert town.alive[w, a].all()
    assert (town.alive | town.terminated)[w, other[w, a, k]].all()
    assert (people["grudges"] == (other >= 0).sum(-1))[town.alive].all()

    using = people["role"] == USING
    assert ((people["affordance"] >= 0) == using).all()
    duration = town.rules.affordance_ticks
    if using.any():
        assert (people["remaining"][using] >= 1).all()
        assert (people["remaining"][using] < duration[people["affordance"][using]]).all()


def check_observations(town: Town) -> None:
    """Observations are finite and within their declared ranges, and waiting is always legal."""
    alive = town.alive
    low = np.array([feature["low"] for feature in town.observation_schema], np.float32)
    high = np.array([feature["high"] for feature in town.observation_schema], np.float32)
    assert np.isfinite(town.observation).all()
    outside = (town.observation < low - 1e-6) | (town.observation > high + 1e-6)
    assert not outside.any(), [town.observation_schema[i]["name"] for i in np.flatnonzero(outside.any((0, 1)))]
    assert not town.observation[~alive].any()
    assert town.mask[..., WAIT].all()
    assert not town.mask[~alive][:, 1:].any()
    assert (town.state.worlds["event_count"] <= town.state.events.shape[1]).all()
    assert np.isfinite(town.reward).all()


def check_ties_and_money(town: Town) -> None:
    """Trust, familiarity, wallets and stock are within their bounds, and no ledger of ties names anybody twice."""
    people, ties, objects = town.state.people, town.state.ties, town.state.objects
    for level in ("trust", "familiarity"):
        assert (ties[level] >= 0).all() and (ties[level] <= 1).all()
    other = ties["other"]
    ordered = np.sort(other, axis=-1)
    assert not ((ordered[..., 1:] == ordered[..., :-1]) & (ordered[..., 1:] >= 0)).any()
    assert (other != np.arange(other.shape[1])[:, None]).all()
    assert (people["ties"] == (other >= 0).sum(-1))[town.alive].all()
    assert np.isfinite(people["wallet"]).all()
    most = town.rules.type_stock[town.layout.object_type]
    assert (objects["stock"] >= 0).all() and (objects["stock"] <= most).all()
    last = town.state.cooldowns["until"].max(-1)
    assert (people["cooling_until"] == last)[town.alive].all()


def check_requests(town: Town) -> None:
    """Every target is of its type, in service and not on cooldown, and can be requested by idle people."""
    target, people = town.state.target, town.state.people
    w, a, t = np.nonzero((target >= 0) & town.alive[..., None])
    o = target[w, a, t]
    assert (town.layout.object_type[o] == t).all()
    assert not town.state.objects["out_of_service"][w, o].any()
    cooldowns, tick = town.state.cooldowns, int(town.state.worlds["tick"][0])
    running = (cooldowns["object"][w, a] == o[:, None]) & (cooldowns["until"][w, a] > tick)
    assert not running.any()
    idle = town.alive & (people["role"] == IDLE)
    assert (town.mask[idle][:, REQUEST : REQUEST + target.shape[-1]] == (target >= 0)[idle]).all()


def check_observations_are_up_to_date(town: Town) -> None:
    """Observations written incrementally equal observations written from scratch."""
    kept, masked, targets, observed = (
        a.copy() for a in (town.observation, town.mask, town.state.target, town.state.observed_object)
    )
    state = town.state
    changing = state.people, state.objects, state.object_flags, state.dirty_objects
    saved = [array.copy() for array in changing]
    people = state.people
    words = np.arange(state.dirty_objects.shape[1])
    town.observation[...] = 0.0
    for field in ("observed_role", "observed_grudges", "observed_neighbors"):
        people[field] = 0
    people["moved_or_retargeted"] = True
    people["observed_shift"] = -1
    state.dirty_objects[...] = (1 << np.minimum(len(town.objects) - WORD_OBJECTS * words, WORD_OBJECTS)) - 1
    town.sense()
    assert (kept == town.observation).all(), [
        town.observation_schema[i]["name"] for i in np.flatnonzero((kept != town.observation).any((0, 1)))
    ]
    assert (masked == town.mask).all()
    assert (targets == town.state.target)[town.alive].all()
    assert (observed == town.state.observed_object)[town.alive].all()
    assert (people["neighbor_count"] == saved[0]["neighbor_count"])[town.alive].all()
    for array, was in zip(changing, saved, strict=True):
        array[...] = was


def check_everything(town: Town) -> None:
    check_queues(town)
    check_queue_order(town)
    check_places(town)
    check_levels(town)
    check_ties_and_money(town)
    check_requests(town)
    check_observations(town)
    check_observations_are_up_to_date(town)
