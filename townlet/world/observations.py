"""What each person sees, written into arrays that persist: only what may have changed is written again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.config.scenario import Scenario
from townlet.world.actions import queue_place
from townlet.world.compile import rule, seldom
from townlet.world.layout import TownLayout
from townlet.world.relationships import familiarity_with, trust_in
from townlet.world.rivalry import rivalry_towards
from townlet.world.rules import TownRules
from townlet.world.schema import (
    FULL_WALLET,
    GRUDGES,
    LONG_WAIT,
    MAP_CHANNELS,
    OBJECTS,
    PER_OBJECT,
    PER_PERSON,
    SHIFT,
    observation_schema_of,
)
from townlet.world.senses import cooldown_left, in_reach, nearest_of, route_to, seen_dx, seen_dy, seen_person, steps_to
from townlet.world.state import FINISHED, HOLDING, IDLE, QUEUE_PLACES, USING, WAITING, TownState

_N_CHANNELS = len(MAP_CHANNELS)


class View(NamedTuple):
    """What observations show, and the factors that bring it between −1 and 1."""

    neighbors: int
    map_radius: int
    """0 without a map."""
    hints: int
    """1 with hints at the way, 0 without."""
    scale: NDArray[np.float64]
    """float64 [7]: the factors, by the names that follow the class."""
    map_blocked: NDArray[np.float32]
    """float32 [height + 2 radii, width + 2 radii]: walls, objects, and all beyond the edge."""
    map_object: NDArray[np.float32]
    """float32, of the same shape: objects."""
    hidden: NDArray[np.int64]
    """int64 [H]: features that are always 0."""


X, Y, WIDTH, HEIGHT, DISTANCE, DAY, SIGHT = 0, 1, 2, 3, 4, 5, 6


def build_view(scenario: Scenario, layout: TownLayout) -> View:
    """The view that a scenario configures."""
    config = scenario.observations
    radius = config.map_radius if config.mode != "compact" else 0
    shape = (layout.height, layout.width)
    objects = np.zeros(layout.height * layout.width, np.float32)
    objects[layout.object_tile] = 1.0
    schema = observation_schema_of(scenario)
    width, height = layout.width, layout.height
    full = (max(width - 1, 1), max(height - 1, 1), width, height, width + height, scenario.ticks_per_day, layout.sight)
    return View(
        neighbors=config.neighbors,
        map_radius=radius,
        hints=int(config.mode == "full"),
        scale=1.0 / np.array(full, np.float64),
        map_blocked=np.pad(layout.blocked.reshape(shape).astype(np.float32), radius, constant_values=1.0),
        map_object=np.pad(objects.reshape(shape), radius),
        hidden=np.array(
            [i for i, entry in enumerate(schema) if entry["conflict"] and not config.conflict_features], np.int64
        ),
    )


@rule
def observe(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int) -> None:
    """Fill the observations of a world, float32 [A, F]; those of empty slots are 0 since they were left."""
    tick = town.worlds[w].tick
    time = tick % rules.ticks_per_day
    power_off = tick < town.worlds[w].power_off_until
    water_off = tick < town.worlds[w].water_off_until
    price_spike = tick < town.worlds[w].price_spike_until
    kinds = town.target.shape[2]
    changed = town.worlds[w].changed_types | look_at_objects(town, layout, rules, w)
    town.worlds[w].changed_types = 0
    for a in range(layout.people):
        if not town.alive[w, a]:
            continue
        person = town.people[w, a]
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
        if person.restless or changed != 0:
            see_objects(town, layout, rules, view, w, a, changed)
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
def look_at_objects(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> int:
    """Note what is seen of every object by all who see it; returns the bits of the types that look different."""
    changed = 0
    for thing in range(len(layout.object_tile)):
        queue = town.objects[w, thing]
        if queue.holder < 0 and queue.queue_length == 0 and not queue.noticed:
            continue
        queue.noticed = queue.holder >= 0 or queue.queue_length > 0
        changed |= queue.type_bit
        queue.look[0] = queue.queue_length / QUEUE_PLACES
        queue.look[1] = queue.holder >= 0
        queue.look[2] = queue.holder >= 0 and town.people[w, queue.holder].role == USING
        most = rules.type_stock[layout.object_type[thing]]
        queue.look[3] = queue.stock / most if most > 0 else 0.0
    return changed


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
    out[SHIFT : SHIFT + 7] = 0.0
    out[SHIFT] = 1.0
    out[SHIFT + 1 + person.shift_state] = 1.0
    out[SHIFT + 7] = (layout.shift[a, 0] - time) * view.scale[DAY]
    out[SHIFT + 8] = (layout.shift[a, 1] - time) * view.scale[DAY]
    if person.restless:
        out[SHIFT + 9] = in_reach(town, layout, w, a, layout.workplace[a])


@rule
def see_objects(
    town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int, changed: int
) -> None:
    """Of each type, the object that a request would be for, or the nearest while there is none to ask for."""
    person = town.people[w, a]
    out = town.observation[w, a]
    if person.restless:
        out[3] = person.x * view.scale[X]
        out[4] = person.y * view.scale[Y]
    for kind in range(town.target.shape[2]):
        if not person.restless and (changed >> kind) & 1 == 0:
            continue
        if person.restless or town.target[w, a, kind] != town.shown[w, a, kind]:
            see_way(town, layout, rules, view, w, a, kind)
        thing = town.shown[w, a, kind]
        if thing >= 0:
            look = town.objects[w, thing].look
            i = OBJECTS + PER_OBJECT * kind + 4
            out[i] = look[0]
            out[i + 1] = look[1]
            out[i + 2] = look[2]
            out[i + 3] = look[3]


@rule
def see_way(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int, kind: int) -> None:
    """Where the object of a type is, which changes only with the person's place or the object chosen."""
    person = town.people[w, a]
    out = town.observation[w, a]
    thing = town.target[w, a, kind]
    if thing < 0:
        thing = nearest_of(layout, a, person.tile, kind)
    town.shown[w, a, kind] = thing
    i = OBJECTS + PER_OBJECT * kind
    hints = town.observation.shape[2] - 4 * (town.target.shape[2] - kind)
    if view.hints:
        out[hints : hints + 4] = 0.0
    if thing < 0:
        out[i : i + 9] = 0.0
        return
    out[i] = not town.objects[w, thing].out_of_service
    out[i + 1] = (layout.object_x[thing] - person.x) * view.scale[WIDTH]
    out[i + 2] = (layout.object_y[thing] - person.y) * view.scale[HEIGHT]
    out[i + 3] = min(steps_to(layout, a, person.tile, kind, thing) * view.scale[DISTANCE], 1.0)
    out[i + 8] = 0.0
    if person.cooling_until > town.worlds[w].tick:
        out[i + 8] = cooldown_left(town, w, a, thing) / max(rules.cooldown_ticks, 1)
    if view.hints:
        route = route_to(layout, a, person.tile, kind, thing)
        for side in range(4):
            out[hints + side] = (route >> side) & 1


@seldom
def see_grudges(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """The own grudges in three numbers, and those against whoever is at the objects in question."""
    person = town.people[w, a]
    out = town.observation[w, a]
    person.shown_grudges = person.grudges
    edges = town.grudges.shape[2]
    strongest = 0.0
    total = 0.0
    rivals = 0
    for k in range(edges):
        grudge = town.grudges[w, a, k]
        strongest = max(strongest, grudge.strength)
        total += grudge.strength
        if grudge.other >= 0 and grudge.strength >= rules.avoid_threshold:
            rivals += 1
    out[GRUDGES] = strongest
    out[GRUDGES + 1] = total / edges
    out[GRUDGES + 2] = rivals / edges
    for kind in range(town.target.shape[2]):
        thing = town.shown[w, a, kind]
        out[OBJECTS + PER_OBJECT * kind + 9] = grudge_at(town, w, a, thing) if thing >= 0 else 0.0


@rule
def grudge_at(town: TownState, w: int, a: int, thing: int) -> float:
    """A person's strongest grudge against anybody at an object."""
    queue = town.objects[w, thing]
    grudge = 0.0
    if queue.holder >= 0:
        grudge = rivalry_towards(town, w, a, queue.holder)
    for place in range(queue.queue_length):
        grudge = max(grudge, rivalry_towards(town, w, a, queue.queue[place]))
    return grudge


@rule
def see_neighbors(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int, i: int) -> None:
    """The nearest people in view."""
    person = town.people[w, a]
    out = town.observation[w, a]
    shown = min(person.seen, view.neighbors)
    for n in range(shown):
        key = town.near[w, a, n]
        other = seen_person(key)
        out[i] = 1.0
        out[i + 1] = seen_dx(key, layout.sight) * view.scale[SIGHT]
        out[i + 2] = seen_dy(key, layout.sight) * view.scale[SIGHT]
        out[i + 3] = rivalry_towards(town, w, a, other)
        out[i + 4] = person.at_object >= 0 and town.people[w, other].at_object == person.at_object
        out[i + 5] = trust_in(town, rules, w, a, other)
        out[i + 6] = familiarity_with(town, rules, w, a, other)
        i += PER_PERSON
    if person.shown_seen > shown:
        out[i : i + PER_PERSON * (person.shown_seen - shown)] = 0.0
    person.shown_seen = shown


@rule
def see_map(town: TownState, layout: TownLayout, view: View, w: int, a: int, i: int) -> None:
    """The surroundings, channel by channel, row by row."""
    person = town.people[w, a]
    out = town.observation[w, a]
    side = 2 * view.map_radius + 1
    area = side * side
    if person.restless:
        for row in range(side):
            for column in range(side):
                at = i + row * side + column
                out[at] = view.map_blocked[person.y + row, person.x + column]
                out[at + area] = view.map_object[person.y + row, person.x + column]
    out[i + 2 * area : i + _N_CHANNELS * area] = 0.0
    x = person.x + layout.margin - view.map_radius
    y = person.y + layout.margin - view.map_radius
    word = x >> 5
    shift = int(x & 31)
    window = (1 << side) - 1
    for row in range(side):
        bits = (town.crowd[w, y + row, word] >> shift) & window
        if bits != 0:
            see_map_row(town, layout, view, w, a, row, bits, i + 2 * area + row * side)


@rule
def see_map_row(town: TownState, layout: TownLayout, view: View, w: int, a: int, row: int, bits: int, i: int) -> None:
    """The people in a row of the map, from feature ``i`` on, and the grudges against them."""
    person = town.people[w, a]
    out = town.observation[w, a]
    side = 2 * view.map_radius + 1
    start = (person.y + row - view.map_radius) * layout.width + person.x - view.map_radius
    for column in range(side):
        if (bits >> column) & 1:
            out[i + column] = 1.0
            if person.grudges > 0:
                out[i + side * side + column] = rivalry_towards(town, w, a, town.occupant[w, start + column])
