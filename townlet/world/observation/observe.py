"""What each person sees, written into arrays that persist: only what may have changed is written again."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.observation.neighbors import see_map, see_neighbors
from townlet.world.observation.objects import look_at_objects, see_all_objects, see_changed_objects, see_grudges
from townlet.world.observation.schema import FULL_WALLET, LONG_WAIT, OBJECTS, PER_OBJECT, PER_PERSON, SHIFT
from townlet.world.observation.view import DAY, View
from townlet.world.rules.actions import mark_empty_slot, mark_legal_actions, queue_place
from townlet.world.state.arrays import FINISHED, HOLDING, IDLE, QUEUE_PLACES, SHIFT_STATES, USING, WAITING, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout
from townlet.world.state.occupancy import find_people

_N_SHIFT_STATES = len(SHIFT_STATES)


@rule
def observe(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int) -> None:
    """Fill the observations of a world, float32 [A, F]; those of empty slots are 0 since they were left."""
    tick = town.worlds[w].tick
    time = tick % rules.ticks_per_day
    power_off = tick < town.worlds[w].power_off_until
    water_off = tick < town.worlds[w].water_off_until
    price_spike = tick < town.worlds[w].price_spike_until
    kinds = town.target.shape[2]
    changed = look_at_objects(town, layout, rules, w)
    for a in range(layout.people):
        if not town.alive[w, a]:
            mark_empty_slot(town, w, a)
            continue
        person = town.people[w, a]
        if person.cooling_until >= tick:
            person.restless = True
        if person.restless:
            see_all_objects(town, layout, rules, view, w, a)
        elif changed != 0:
            see_changed_objects(town, layout, rules, view, w, a, changed)
        find_people(town, layout, w, a)
        mark_legal_actions(town, layout, rules, w, a)
        out = town.observation[w, a]
        out[0] = person.needs[0]
        out[1] = person.needs[1]
        out[2] = person.needs[2]
        out[5] = time * view.scale[DAY]
        out[16] = min(max(person.wallet * (1.0 / FULL_WALLET), -1.0), 1.0)
        out[17] = rules.ties and tick >= person.chat_ready_at
        out[18] = power_off
        out[19] = water_off
        out[20] = price_spike
        if person.role != IDLE or person.shown_role != IDLE:
            see_queue(town, rules, w, a)
        if layout.workplace[a] >= 0:
            see_shift(town, layout, view, w, a, time)
        if person.grudges > 0 or person.shown_grudges > 0:
            see_grudges(town, layout, rules, w, a)
        if person.seen > 0 or person.shown_seen > 0:
            see_neighbors(town, layout, rules, view, w, a, OBJECTS + PER_OBJECT * kinds)
        if view.map_radius > 0:
            see_map(town, layout, view, w, a, OBJECTS + PER_OBJECT * kinds + PER_PERSON * view.neighbors)
        for i in range(view.hidden.shape[0]):
            out[view.hidden[i]] = 0.0
        person.restless = False


@rule
def see_queue(town: TownState, rules: TownRules, w: int, a: int) -> None:
    """The own part at an object."""
    person = town.people[w, a]
    out = town.observation[w, a]
    person.shown_role = person.role
    out[6] = person.role == WAITING
    out[7] = person.role == HOLDING
    out[8] = person.role == USING
    out[9] = person.role == FINISHED
    out[10:16] = 0.0
    if person.at_object >= 0:
        queue = town.objects[w, person.at_object]
        out[11] = queue.queue_length / QUEUE_PLACES
        if person.role == WAITING:
            out[10] = (queue_place(town, w, a) + (queue.holder >= 0)) / QUEUE_PLACES
            out[12] = min(person.waited / LONG_WAIT, 1.0)
        else:
            out[13] = min(queue.idle_ticks / rules.ghost_step_after, 1.0)
            out[15] = min(queue.camped / rules.fair_use_ticks, 1.0)
        if person.role == USING:
            out[14] = person.remaining / rules.affordance_ticks[person.affordance]


@rule
def see_shift(town: TownState, layout: TownLayout, view: View, w: int, a: int, time: int) -> None:
    """Where somebody with a job stands with today's shift."""
    person = town.people[w, a]
    out = town.observation[w, a]
    if person.shown_shift != person.shift_state:
        person.shown_shift = person.shift_state
        out[SHIFT] = 1.0
        for state in range(_N_SHIFT_STATES):
            out[SHIFT + 1 + state] = 1.0 if person.shift_state == state else 0.0
    out[SHIFT + 7] = (layout.shift[a, 0] - time) * view.scale[DAY]
    out[SHIFT + 8] = (layout.shift[a, 1] - time) * view.scale[DAY]
