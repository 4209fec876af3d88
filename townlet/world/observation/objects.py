"""Features of objects: for each person and type, those of the object that a request would be for."""

from __future__ import annotations

import numpy as np

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.intrinsics import lowest_bit
from townlet.world.observation.schema import (
    OBJECT_FEATURE,
    OWN_FEATURE,
    features_without_offers,
    object_block,
    route_block,
)
from townlet.world.observation.view import DISTANCE, HEIGHT, WIDTH, View, X, Y
from townlet.world.rules.actions import REQUEST
from townlet.world.rules.rivalry import rivalry_towards
from townlet.world.rules.targets import cooldown_left, default_target, find_target, in_reach, route_to, steps_to
from townlet.world.state.arrays import (
    CHANGED,
    HELD,
    IDLE,
    OBJECT_FEATURES,
    OUT_OF_SERVICE,
    QUEUE_CAPACITY,
    UNAVAILABLE,
    USING,
    WORD_OBJECTS,
    TownState,
)
from townlet.world.state.constants import TownRules
from townlet.world.state.dirty import clear_dirty
from townlet.world.state.layout import TownLayout
from townlet.world.state.routes import UNREACHABLE

#: Columns of ``object_features``.
_QUEUE, _HELD, _IN_USE, _STOCK = range(len(OBJECT_FEATURES))


@rule
def refresh_object_features(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> int:
    """Compute the features of every dirty object; returns one bit per type with a changed object."""
    changed = 0
    for word in range(town.dirty_objects.shape[1]):
        bits = town.dirty_objects[w, word]
        while bits != 0:
            changed |= refresh_object(town, layout, rules, w, word * WORD_OBJECTS + lowest_bit(bits))
            bits &= bits - 1
    return changed


@rule
def refresh_object(town: TownState, layout: TownLayout, rules: TownRules, w: int, o: int) -> int:
    """Compute the features and flags of an object; returns the bit of its type if it changed, else 0."""
    thing = town.objects[w, o]
    held = thing.holder >= 0
    most = rules.type_stock[layout.object_type[o]]
    flags = HELD if held else 0
    if thing.out_of_service:
        flags |= OUT_OF_SERVICE
    queue = np.float32(thing.queue_length / QUEUE_CAPACITY)
    in_use = held and town.people[w, thing.holder].role == USING
    stock = np.float32(thing.stock / most if most > 0 else 0.0)
    features = town.object_features[w, o]
    changed = (
        thing.holder_changed
        or town.object_flags[w, o] & UNAVAILABLE != flags
        or features[_QUEUE] != queue
        or features[_IN_USE] != in_use
        or features[_STOCK] != stock
    )
    if changed:
        features[_QUEUE] = queue
        features[_HELD] = held
        features[_IN_USE] = in_use
        features[_STOCK] = stock
        thing.holder_changed = False
        flags |= CHANGED
    town.object_flags[w, o] = flags
    # An unused object that has just changed stays dirty for one more tick, which clears its flag CHANGED.
    if not (held or thing.queue_length > 0 or changed):
        clear_dirty(town, w, o)
    return int(thing.type_bit) if changed else 0


@rule
def write_all_objects(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int) -> None:
    """Write the position of a person, and the object of each type that they would request.

    Usually the nearest object is free and in service, so it is that one; then its position is one row of a table.
    """
    person = town.people[w, a]
    out = town.observation[w, a]
    out[OWN_FEATURE.x] = person.x * view.scale[X]
    out[OWN_FEATURE.y] = person.y * view.scale[Y]
    cooling = person.cooling_until > town.worlds[w].tick
    idle = person.role == IDLE
    person.types_off_default = 0
    nearest = layout.nearest[person.tile]
    for t in range(town.target.shape[2]):
        o = nearest[t].object
        if o < 0 or cooling or town.object_flags[w, o] & UNAVAILABLE != 0:
            write_object(town, layout, rules, view, w, a, t)
        else:
            there = nearest[t]
            write_target(town, view, w, a, t, o, idle, (there.dx, there.dy, there.distance), there.route)
    o = layout.workplace[a]
    if o >= 0:
        # If the type is that of their workplace, people request only their workplace. This is corrected here, because
        # in the loop the processor could not predict which type it is.
        t = int(layout.object_type[o])
        out[OWN_FEATURE.at_workplace] = in_reach(town, layout, w, a, o)
        way = layout.work[layout.work_row[a], person.tile]
        if way.distance == UNREACHABLE or cooling or town.object_flags[w, o] & OUT_OF_SERVICE != 0:
            write_object(town, layout, rules, view, w, a, t)
        else:
            position = relative_position(town, layout, view, w, a, o, way.distance)
            write_target(town, view, w, a, t, o, idle, position, way.route)


@rule
def write_target(
    town: TownState,
    view: View,
    w: int,
    a: int,
    t: int,
    o: int,
    idle: bool,
    position: tuple[np.float32, np.float32, np.float32],
    route: int,
) -> None:
    """Write an object that can be requested.

    Args:
        t: the object's type.
        o: the object.
        idle: whether the person is at no object, so that the request is legal.
        position: columns and rows to the object, and steps until it is within reach, scaled.
        route: the directions that lead to it; see :class:`townlet.world.state.routes.Routes`.
    """
    town.target[w, a, t] = o
    town.observed_object[w, a, t] = o
    town.mask[w, a, REQUEST + t] = idle
    out = town.observation[w, a]
    features = town.object_features[w, o]
    # Everything is read before anything is written, so that the processor copies it at once.
    queue, held, in_use, stock = features[_QUEUE], features[_HELD], features[_IN_USE], features[_STOCK]
    i = object_block(t)
    out[i + OBJECT_FEATURE.reachable] = 1.0
    out[i + OBJECT_FEATURE.dx] = position[0]
    out[i + OBJECT_FEATURE.dy] = position[1]
    out[i + OBJECT_FEATURE.distance] = position[2]
    out[i + OBJECT_FEATURE.queue] = queue
    out[i + OBJECT_FEATURE.held] = held
    out[i + OBJECT_FEATURE.in_use] = in_use
    out[i + OBJECT_FEATURE.stock] = stock
    out[i + OBJECT_FEATURE.cooldown] = 0.0
    if view.routes:
        write_route(town, view, w, a, t, route)


@rule
def write_changed_objects(
    town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int, changed: int
) -> None:
    """Write the objects that have changed for a person who has not moved; ``changed`` has one bit per type.

    A workplace stays the target for its type, and the nearest object for any other as long as it is free and in
    service. Types whose target is another object are looked up again.
    """
    person = town.people[w, a]
    observed = town.observed_object[w, a]
    types = town.target.shape[2]
    flags = 0
    for t in range(types):
        flags |= town.object_flags[w, max(observed[t], 0)]
    if flags & CHANGED != 0 or person.types_off_default & changed != 0:
        for t in range(types):
            off_default = (person.types_off_default & changed) >> t & 1
            if off_default or town.object_flags[w, max(observed[t], 0)] & CHANGED != 0:
                write_object(town, layout, rules, view, w, a, t)


@seldom
def write_object(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int, t: int) -> None:
    """Find the target of a request of a type and write it, or the default target while there is none."""
    person = town.people[w, a]
    target = find_target(town, layout, w, a, t)
    town.target[w, a, t] = target
    town.mask[w, a, REQUEST + t] = (target >= 0) & (person.role == IDLE)
    if person.moved_or_retargeted or target != town.observed_object[w, a, t]:
        write_position(town, layout, rules, view, w, a, t)
    o = town.observed_object[w, a, t]
    if o >= 0:
        i = object_block(t)
        out = town.observation[w, a]
        features = town.object_features[w, o]
        out[i + OBJECT_FEATURE.queue] = features[_QUEUE]
        out[i + OBJECT_FEATURE.held] = features[_HELD]
        out[i + OBJECT_FEATURE.in_use] = features[_IN_USE]
        out[i + OBJECT_FEATURE.stock] = features[_STOCK]
    default = o >= 0 and (
        o == layout.workplace[a]
        or (o == layout.nearest[person.tile, t].object and town.object_flags[w, o] & UNAVAILABLE == 0)
    )
    person.types_off_default = (person.types_off_default & ~(1 << t)) | ((not default) << t)


@rule
def write_route(town: TownState, view: View, w: int, a: int, t: int, route: int) -> None:
    """Write which steps lead nearer to the object of a type."""
    features, types = town.observation.shape[2], town.target.shape[2]
    if view.offers:
        features = features_without_offers(features, types)
    first = route_block(features, types, t)
    for direction in range(4):
        town.observation[w, a, first + direction] = (route >> direction) & 1


@rule
def write_position(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int, t: int) -> None:
    """Write where the object of a type is and the cooldown there; zeros if the town has no such object."""
    person = town.people[w, a]
    out = town.observation[w, a]
    o = town.target[w, a, t]
    if o < 0:
        o = default_target(layout, a, person.tile, t)
    town.observed_object[w, a, t] = o
    i = object_block(t)
    if o < 0:
        out[i : i + OBJECT_FEATURE.cooldown + 1] = 0.0
        if view.routes:
            write_route(town, view, w, a, t, 0)
        return
    out[i + OBJECT_FEATURE.reachable] = not town.objects[w, o].out_of_service
    steps = steps_to(layout, a, person.tile, t, o)
    dx, dy, distance = relative_position(town, layout, view, w, a, o, steps)
    out[i + OBJECT_FEATURE.dx] = dx
    out[i + OBJECT_FEATURE.dy] = dy
    out[i + OBJECT_FEATURE.distance] = distance
    out[i + OBJECT_FEATURE.cooldown] = 0.0
    if person.cooling_until > town.worlds[w].tick:
        out[i + OBJECT_FEATURE.cooldown] = cooldown_left(town, w, a, o) / max(rules.cooldown_ticks, 1)
    if view.routes:
        write_route(town, view, w, a, t, route_to(layout, a, person.tile, t, o))


@rule
def relative_position(
    town: TownState, layout: TownLayout, view: View, w: int, a: int, o: int, steps: int
) -> tuple[np.float32, np.float32, np.float32]:
    """Columns and rows to an object, and steps until it is within reach, scaled."""
    person = town.people[w, a]
    return (
        np.float32((layout.object_x[o] - person.x) * view.scale[WIDTH]),
        np.float32((layout.object_y[o] - person.y) * view.scale[HEIGHT]),
        np.float32(min(steps * view.scale[DISTANCE], 1.0)),
    )


@seldom
def write_grudges(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Write a summary of a person's grudges, and the strongest against anybody at each observed object."""
    person = town.people[w, a]
    out = town.observation[w, a]
    person.observed_grudges = person.grudges
    most = town.grudges.shape[2]
    strongest = 0.0
    total = 0.0
    rivals = 0
    for k in range(most):
        grudge = town.grudges[w, a, k]
        strongest = max(strongest, grudge.strength)
        total += grudge.strength
        if grudge.other >= 0 and grudge.strength >= rules.avoid_threshold:
            rivals += 1
    out[OWN_FEATURE.rivalry_strongest] = strongest
    out[OWN_FEATURE.rivalry_mean] = total / most
    out[OWN_FEATURE.rivals] = rivals / most
    for t in range(town.target.shape[2]):
        o = town.observed_object[w, a, t]
        out[object_block(t) + OBJECT_FEATURE.rivalry] = grudge_at(town, w, a, o) if o >= 0 else 0.0


@rule
def grudge_at(town: TownState, w: int, a: int, o: int) -> float:
    """A person's strongest grudge against anybody who holds an object or waits for it."""
    thing = town.objects[w, o]
    grudge = 0.0
    if thing.holder >= 0:
        grudge = rivalry_towards(town, w, a, thing.holder)
    for i in range(thing.queue_length):
        grudge = max(grudge, rivalry_towards(town, w, a, thing.queue[i]))
    return grudge
