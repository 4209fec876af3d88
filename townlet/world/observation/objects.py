"""What each person sees of objects: of every type the one it could ask for."""

from __future__ import annotations

import numpy as np

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.intrinsics import lowest_bit
from townlet.world.observation.schema import GRUDGES, OBJECTS, PER_OBJECT, SHIFT
from townlet.world.observation.view import DISTANCE, HEIGHT, WIDTH, View, X, Y
from townlet.world.rules.actions import REQUEST
from townlet.world.rules.rivalry import rivalry_towards
from townlet.world.rules.targets import cooldown_left, find_target, in_reach, nearest_of, route_to, steps_to
from townlet.world.state.arrays import (
    BUSY,
    CHANGED,
    HELD,
    IDLE,
    OUT_OF_SERVICE,
    QUEUE_PLACES,
    USING,
    WORD_OBJECTS,
    TownState,
)
from townlet.world.state.constants import TownRules
from townlet.world.state.dirty import pass_over
from townlet.world.state.layout import TownLayout
from townlet.world.state.routes import UNREACHABLE


@rule
def look_at_objects(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> int:
    """Note what is seen of every object by all who see it; returns the bits of the types of which something changed."""
    changed = 0
    for word in range(town.noticed.shape[1]):
        bits = town.noticed[w, word]
        while bits != 0:
            changed |= look_at_object(town, layout, rules, w, word * WORD_OBJECTS + lowest_bit(bits))
            bits &= bits - 1
    return changed


@rule
def look_at_object(town: TownState, layout: TownLayout, rules: TownRules, w: int, thing: int) -> int:
    """Note what is seen of an object; returns the bit of its type if something changed, else 0."""
    queue = town.objects[w, thing]
    held = queue.holder >= 0
    most = rules.type_stock[layout.object_type[thing]]
    signs = HELD if held else 0
    if queue.out_of_service:
        signs |= OUT_OF_SERVICE
    waiting = np.float32(queue.queue_length / QUEUE_PLACES)
    in_use = held and town.people[w, queue.holder].role == USING
    stock = np.float32(queue.stock / most if most > 0 else 0.0)
    look = town.looks[w, thing]
    changed = (
        queue.passed_on
        or town.signs[w, thing] & BUSY != signs
        or look[0] != waiting
        or look[2] != in_use
        or look[3] != stock
    )
    if changed:
        look[0] = waiting
        look[1] = held
        look[2] = in_use
        look[3] = stock
        queue.passed_on = False
        signs |= CHANGED
    town.signs[w, thing] = signs
    # Looked at once more when there is nothing left to see, to take the sign of a change away.
    if not (held or queue.queue_length > 0 or changed):
        pass_over(town, w, thing)
    return int(queue.type_bit) if changed else 0


@rule
def see_all_objects(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int) -> None:
    """Where somebody is, and of each type the object in question, as for somebody who has just moved.

    Almost always that is the nearest and nothing stands against going there: then where it lies is a row of a table.
    """
    person = town.people[w, a]
    out = town.observation[w, a]
    out[3] = person.x * view.scale[X]
    out[4] = person.y * view.scale[Y]
    cooling = person.cooling_until > town.worlds[w].tick
    idle = person.role == IDLE
    person.unusual = 0
    nearest = layout.nearest[person.tile]
    for kind in range(town.target.shape[2]):
        thing = nearest[kind].thing
        if thing < 0 or cooling or town.signs[w, thing] & BUSY != 0:
            see_object(town, layout, rules, view, w, a, kind)
        else:
            there = nearest[kind]
            show_object(town, view, w, a, kind, thing, idle, there.dx, there.dy, there.steps, there.route)
    thing = layout.workplace[a]
    if thing >= 0:
        # Of its type a person asks for no other, however near. That is put right here, and not told apart above,
        # because which type it is could not be predicted there.
        kind = int(layout.object_type[thing])
        out[SHIFT + 9] = in_reach(town, layout, w, a, thing)
        way = layout.work[layout.work_row[a], person.tile]
        if way.distance == UNREACHABLE or cooling or town.signs[w, thing] & OUT_OF_SERVICE != 0:
            see_object(town, layout, rules, view, w, a, kind)
        else:
            dx, dy, steps = way_seen(town, layout, view, w, a, thing, way.distance)
            show_object(town, view, w, a, kind, thing, idle, dx, dy, steps, way.route)


@rule
def show_object(
    town: TownState,
    view: View,
    w: int,
    a: int,
    kind: int,
    thing: int,
    idle: bool,
    dx: np.float32,
    dy: np.float32,
    steps: np.float32,
    route: int,
) -> None:
    """An object of a type that can be asked for: where it is, as observations have it, and what is seen of it."""
    town.target[w, a, kind] = thing
    town.shown[w, a, kind] = thing
    town.mask[w, a, REQUEST + kind] = idle
    out = town.observation[w, a]
    look = town.looks[w, thing]
    # All that is copied is read before any is written: then it is copied together.
    queue, held, in_use, stock = look[0], look[1], look[2], look[3]
    i = OBJECTS + PER_OBJECT * kind
    out[i] = 1.0
    out[i + 1] = dx
    out[i + 2] = dy
    out[i + 3] = steps
    out[i + 4] = queue
    out[i + 5] = held
    out[i + 6] = in_use
    out[i + 7] = stock
    out[i + 8] = 0.0
    if view.hints:
        show_hints(town, w, a, kind, route)


@rule
def see_changed_objects(
    town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int, changed: int
) -> None:
    """The objects of the types in question for somebody who has not moved.

    The own workplace stays the one to ask for, and so does the nearest while nothing stands against it.
    """
    person = town.people[w, a]
    shown = town.shown[w, a]
    kinds = town.target.shape[2]
    signs = 0
    for kind in range(kinds):
        signs |= town.signs[w, max(shown[kind], 0)]
    if signs & CHANGED != 0 or person.unusual & changed != 0:
        for kind in range(kinds):
            unusual = (person.unusual & changed) >> kind & 1
            if unusual or town.signs[w, max(shown[kind], 0)] & CHANGED != 0:
                see_object(town, layout, rules, view, w, a, kind)


@seldom
def see_object(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int, kind: int) -> None:
    """The object of a type that a request would be for, or the nearest while there is none to ask for."""
    person = town.people[w, a]
    target = find_target(town, layout, w, a, kind)
    town.target[w, a, kind] = target
    town.mask[w, a, REQUEST + kind] = (target >= 0) & (person.role == IDLE)
    if person.restless or target != town.shown[w, a, kind]:
        see_way(town, layout, rules, view, w, a, kind)
    thing = town.shown[w, a, kind]
    if thing >= 0:
        i = OBJECTS + PER_OBJECT * kind + 4
        for part in range(4):
            town.observation[w, a, i + part] = town.looks[w, thing, part]
    usual = thing >= 0 and (
        thing == layout.workplace[a]
        or (thing == layout.nearest[person.tile, kind].thing and town.signs[w, thing] & BUSY == 0)
    )
    person.unusual = (person.unusual & ~(1 << kind)) | ((not usual) << kind)


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
    distance = steps_to(layout, a, person.tile, kind, thing)
    out[i + 1], out[i + 2], out[i + 3] = way_seen(town, layout, view, w, a, thing, distance)
    out[i + 8] = 0.0
    if person.cooling_until > town.worlds[w].tick:
        out[i + 8] = cooldown_left(town, w, a, thing) / max(rules.cooldown_ticks, 1)
    if view.hints:
        show_hints(town, w, a, kind, route_to(layout, a, person.tile, kind, thing))


@rule
def way_seen(
    town: TownState, layout: TownLayout, view: View, w: int, a: int, thing: int, distance: int
) -> tuple[np.float32, np.float32, np.float32]:
    """Columns to an object, rows to it and steps into reach of it, as observations have them."""
    person = town.people[w, a]
    return (
        np.float32((layout.object_x[thing] - person.x) * view.scale[WIDTH]),
        np.float32((layout.object_y[thing] - person.y) * view.scale[HEIGHT]),
        np.float32(min(distance * view.scale[DISTANCE], 1.0)),
    )


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
