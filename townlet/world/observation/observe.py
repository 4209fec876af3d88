"""The observation of each person, written into arrays that persist: only what may have changed is written again."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.observation.neighbors import write_map, write_neighbors
from townlet.world.observation.objects import (
    refresh_object_features,
    write_all_objects,
    write_changed_objects,
    write_grudges,
)
from townlet.world.observation.offers import note_approaching, write_offers
from townlet.world.observation.schema import FULL_WALLET, LONG_WAIT, OWN_FEATURE
from townlet.world.observation.view import DAY, View
from townlet.world.rules.legal_actions import mark_empty_slot, mark_legal_actions
from townlet.world.rules.queues import queue_position
from townlet.world.state.arrays import FINISHED, HOLDING, IDLE, QUEUE_CAPACITY, SHIFT_STATES, USING, WAITING, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout
from townlet.world.state.occupancy import find_neighbors

_N_SHIFT_STATES = len(SHIFT_STATES)


@rule
def observe(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int) -> None:
    """Fill the observations, float32 [A, F], and action masks of a world.

    The observation of an empty slot stays 0, as it was set when the person left.
    """
    tick = town.worlds[w].tick
    time = tick % rules.ticks_per_day
    power_off = tick < town.worlds[w].power_off_until
    water_off = tick < town.worlds[w].water_off_until
    price_spike = tick < town.worlds[w].price_spike_until
    changed = refresh_object_features(town, layout, rules, w)
    if view.offers:
        note_approaching(town, layout, w)
    for a in range(layout.people):
        if not town.alive[w, a]:
            mark_empty_slot(town, w, a)
            continue
        person = town.people[w, a]
        if person.cooling_until >= tick:
            person.moved_or_retargeted = True
        if person.moved_or_retargeted:
            write_all_objects(town, layout, rules, view, w, a)
        elif changed != 0:
            write_changed_objects(town, layout, rules, view, w, a, changed)
        find_neighbors(town, layout, w, a)
        mark_legal_actions(town, layout, rules, w, a)
        out = town.observation[w, a]
        out[OWN_FEATURE.need_hunger] = person.needs[0]
        out[OWN_FEATURE.need_hygiene] = person.needs[1]
        out[OWN_FEATURE.need_energy] = person.needs[2]
        out[OWN_FEATURE.time_of_day] = time * view.scale[DAY]
        out[OWN_FEATURE.wallet] = min(max(person.wallet * (1.0 / FULL_WALLET), -1.0), 1.0)
        out[OWN_FEATURE.chat_ready] = rules.ties and tick >= person.chat_ready_at
        out[OWN_FEATURE.power_off] = power_off
        out[OWN_FEATURE.water_off] = water_off
        out[OWN_FEATURE.price_spike] = price_spike
        if person.role != IDLE or person.observed_role != IDLE:
            write_role(town, rules, w, a)
        if layout.workplace[a] >= 0:
            write_shift(town, layout, view, w, a, time)
        if person.grudges > 0 or person.observed_grudges > 0:
            write_grudges(town, layout, rules, w, a)
        if person.neighbor_count > 0 or person.observed_neighbors > 0:
            write_neighbors(town, layout, rules, view, w, a)
        if view.map_radius > 0:
            write_map(town, layout, view, w, a)
        if view.offers:
            write_offers(town, layout, rules, view, w, a)
        for i in range(view.hidden.shape[0]):
            out[view.hidden[i]] = 0.0
        person.moved_or_retargeted = False


@rule
def write_role(town: TownState, rules: TownRules, w: int, a: int) -> None:
    """Write the person's role at their object, and their place in its queue."""
    person = town.people[w, a]
    out = town.observation[w, a]
    person.observed_role = person.role
    out[OWN_FEATURE.waiting] = person.role == WAITING
    out[OWN_FEATURE.holding] = person.role == HOLDING
    out[OWN_FEATURE.using] = person.role == USING
    out[OWN_FEATURE.finished] = person.role == FINISHED
    out[OWN_FEATURE.ahead : OWN_FEATURE.camped + 1] = 0.0
    if person.at_object >= 0:
        thing = town.objects[w, person.at_object]
        out[OWN_FEATURE.queue_length] = thing.queue_length / QUEUE_CAPACITY
        if person.role == WAITING:
            out[OWN_FEATURE.ahead] = (queue_position(town, w, a) + (thing.holder >= 0)) / QUEUE_CAPACITY
            out[OWN_FEATURE.waited] = min(person.waited / LONG_WAIT, 1.0)
        else:
            out[OWN_FEATURE.stalled] = min(thing.idle_ticks / rules.ghost_step_after, 1.0)
            out[OWN_FEATURE.camped] = min(thing.camped / rules.fair_use_ticks, 1.0)
        if person.role == USING:
            out[OWN_FEATURE.use_left] = person.remaining / rules.affordance_ticks[person.affordance]


@rule
def write_shift(town: TownState, layout: TownLayout, view: View, w: int, a: int, time: int) -> None:
    """Write the state of today's shift of a person with a job, and the time until it starts and ends."""
    person = town.people[w, a]
    out = town.observation[w, a]
    if person.observed_shift != person.shift_state:
        person.observed_shift = person.shift_state
        out[OWN_FEATURE.employed] = 1.0
        for state in range(_N_SHIFT_STATES):
            out[OWN_FEATURE.shift_off + state] = 1.0 if person.shift_state == state else 0.0
    out[OWN_FEATURE.to_shift_start] = (layout.shift[a, 0] - time) * view.scale[DAY]
    out[OWN_FEATURE.to_shift_end] = (layout.shift[a, 1] - time) * view.scale[DAY]
