"""What each person sees of objects: of every type the one it could ask for."""

from __future__ import annotations

import numpy as np

from townlet.world.compile import rule, seldom
from townlet.world.layout import TownLayout
from townlet.world.rivalry import rivalry_towards
from townlet.world.rules import TownRules
from townlet.world.schema import GRUDGES, OBJECTS, PER_OBJECT
from townlet.world.senses import cooldown_left, find_target, nearest_of, route_to, steps_to
from townlet.world.state import (
    BUSY,
    CHANGED,
    HELD,
    NOTICED,
    OUT_OF_SERVICE,
    QUEUE_PLACES,
    REMARKABLE,
    STATES,
    USING,
    TownState,
)
from townlet.world.view import DISTANCE, HEIGHT, WIDTH, View, X, Y


@rule
def look_at_objects(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> int:
    """Note what is seen of every object by all who see it; returns the bits of the types of which something changed."""
    changed = 0
    for thing in range(len(layout.object_tile)):
        if town.signs[w, thing] & NOTICED == 0:
            continue
        queue = town.objects[w, thing]
        held = queue.holder >= 0
        most = rules.type_stock[layout.object_type[thing]]
        signs = HELD if held else 0
        if queue.out_of_service:
            signs |= OUT_OF_SERVICE
        if held or queue.queue_length > 0 or most > 0:
            signs |= REMARKABLE
        waiting = np.float32(queue.queue_length / QUEUE_PLACES)
        in_use = held and town.people[w, queue.holder].role == USING
        stock = np.float32(queue.stock / most if most > 0 else 0.0)
        look = queue.look
        if (
            queue.passed_on
            or town.signs[w, thing] & STATES != signs
            or look[0] != waiting
            or look[2] != in_use
            or look[3] != stock
        ):
            look[0] = waiting
            look[1] = held
            look[2] = in_use
            look[3] = stock
            queue.passed_on = False
            signs |= CHANGED
            changed |= queue.type_bit
        # Looked at once more when there is nothing left to see, to take the sign of a change away.
        if held or queue.queue_length > 0 or signs & CHANGED != 0:
            signs |= NOTICED
        town.signs[w, thing] = signs
    return changed


@rule
def see_all_objects(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int) -> None:
    """Where somebody is, and of each type the object in question, as for somebody who has just moved.

    Almost always that is the nearest, and there is nothing remarkable about it: then what is seen of it is a row of a
    table.
    """
    person = town.people[w, a]
    out = town.observation[w, a]
    out[3] = person.x * view.scale[X]
    out[4] = person.y * view.scale[Y]
    own = layout.workplace[a]
    if own >= 0:
        own = layout.object_type[own]
    cooling = person.cooling_until > town.worlds[w].tick
    tile = person.tile
    i = OBJECTS
    for kind in range(town.target.shape[2]):
        nearest = layout.nearest[tile, kind]
        thing = nearest.thing
        if thing < 0 or kind == own or cooling or town.signs[w, thing] & BUSY != 0:
            see_object(town, layout, rules, view, w, a, kind)
        else:
            town.target[w, a, kind] = thing
            town.shown[w, a, kind] = thing
            out[i] = 1.0
            out[i + 1] = nearest.dx * view.scale[WIDTH]
            out[i + 2] = nearest.dy * view.scale[HEIGHT]
            out[i + 3] = min(nearest.distance * view.scale[DISTANCE], 1.0)
            if town.signs[w, thing] == 0:
                out[i + 4] = 0.0
                out[i + 5] = 0.0
                out[i + 6] = 0.0
                out[i + 7] = 0.0
            else:
                look = town.objects[w, thing].look
                out[i + 4] = look[0]
                out[i + 5] = look[1]
                out[i + 6] = look[2]
                out[i + 7] = look[3]
            out[i + 8] = 0.0
            if view.hints:
                show_hints(town, w, a, kind, nearest.route)
        i += PER_OBJECT


@rule
def see_changed_objects(
    town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int, changed: int
) -> None:
    """The objects of the types in question for somebody who has not moved.

    The own workplace stays the one to ask for, and so does the nearest while nothing stands against it.
    """
    tile = town.people[w, a].tile
    own = layout.workplace[a]
    for kind in range(town.target.shape[2]):
        if (changed >> kind) & 1:
            thing = town.shown[w, a, kind]
            if thing >= 0:
                signs = town.signs[w, thing]
                if signs & CHANGED == 0 and (
                    thing == own or (signs & BUSY == 0 and thing == layout.nearest[tile, kind].thing)
                ):
                    continue
            see_object(town, layout, rules, view, w, a, kind)


@seldom
def see_object(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int, kind: int) -> None:
    """The object of a type that a request would be for, or the nearest while there is none to ask for."""
    person = town.people[w, a]
    out = town.observation[w, a]
    target = find_target(town, layout, w, a, kind)
    town.target[w, a, kind] = target
    if person.restless or target != town.shown[w, a, kind]:
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
def show_hints(town: TownState, w: int, a: int, kind: int, route: int) -> None:
    """The ways to the object of a type, for all types at the end of what is seen."""
    hints = town.observation.shape[2] - 4 * (town.target.shape[2] - kind)
    for side in range(4):
        town.observation[w, a, hints + side] = (route >> side) & 1


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
    if thing < 0:
        out[i : i + 9] = 0.0
        if view.hints:
            show_hints(town, w, a, kind, 0)
        return
    out[i] = not town.objects[w, thing].out_of_service
    out[i + 1] = (layout.object_x[thing] - person.x) * view.scale[WIDTH]
    out[i + 2] = (layout.object_y[thing] - person.y) * view.scale[HEIGHT]
    out[i + 3] = min(steps_to(layout, a, person.tile, kind, thing) * view.scale[DISTANCE], 1.0)
    out[i + 8] = 0.0
    if person.cooling_until > town.worlds[w].tick:
        out[i + 8] = cooldown_left(town, w, a, thing) / max(rules.cooldown_ticks, 1)
    if view.hints:
        show_hints(town, w, a, kind, route_to(layout, a, person.tile, kind, thing))


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
