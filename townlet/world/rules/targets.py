"""Targets: the object that a request is for, whether it is in reach, and the way to it."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.state.arrays import HELD, OUT_OF_SERVICE, TownState
from townlet.world.state.layout import TownLayout
from townlet.world.state.routes import UNREACHABLE


@rule
def in_reach(town: TownState, layout: TownLayout, w: int, a: int, thing: int) -> bool:
    """Whether a person touches an object, corners included."""
    person = town.people[w, a]
    dx = person.x - layout.object_x[thing]
    dy = person.y - layout.object_y[thing]
    return bool(-1 <= dx <= 1 and -1 <= dy <= 1)


@rule
def find_target(town: TownState, layout: TownLayout, w: int, a: int, kind: int) -> int:
    """The object that a request of a type is for, or −1: the nearest that is free, or, if all are taken, the nearest.

    Objects out of service or cooling down for this person are passed over. Of the type of its own workplace a person
    goes to no other. There is always room in a queue: people queue on the eight tiles around the object.
    """
    tile = town.people[w, a].tile
    place = layout.workplace[a]
    if place >= 0 and layout.object_type[place] == kind:
        reachable = layout.work[layout.work_row[a], tile].distance < UNREACHABLE
        return int(place) if reachable and can_queue(town, w, a, place) else -1
    nearest = -1
    for c in range(layout.near_object.shape[2]):
        thing = layout.near_object[tile, kind, c]
        if thing < 0:
            break
        if can_queue(town, w, a, thing):
            if town.signs[w, thing] & HELD == 0 or town.objects[w, thing].holder == a:
                return int(thing)
            if nearest < 0:
                nearest = int(thing)
    return nearest


@rule
def can_queue(town: TownState, w: int, a: int, thing: int) -> bool:
    """Whether an object is in service and the person's cooldown on it is over."""
    return bool(town.signs[w, thing] & OUT_OF_SERVICE == 0 and cooldown_left(town, w, a, thing) <= 0)


@rule
def cooldown_left(town: TownState, w: int, a: int, thing: int) -> int:
    """Ticks until a person can queue for an object again."""
    tick = town.worlds[w].tick
    if town.people[w, a].cooling_until > tick:
        for i in range(town.cooldowns.shape[2]):
            if town.cooldowns[w, a, i].object == thing:
                return int(max(town.cooldowns[w, a, i].until - tick, 0))
    return 0


@rule
def nearest_of(layout: TownLayout, a: int, tile: int, kind: int) -> int:
    """The object of a type that a person would go to if nothing stood against it, or −1."""
    place = layout.workplace[a]
    if place >= 0 and layout.object_type[place] == kind:
        return int(place)
    return int(layout.nearest[tile, kind].thing)


@rule
def steps_to(layout: TownLayout, a: int, tile: int, kind: int, thing: int) -> int:
    """Steps from a tile into reach of an object that :func:`find_target` or :func:`nearest_of` named."""
    if thing == layout.workplace[a]:
        return int(layout.work[layout.work_row[a], tile].distance)
    c = candidate(layout, tile, kind, thing)
    return int(layout.near_distance[tile, kind, c]) if c >= 0 else UNREACHABLE


@rule
def route_to(layout: TownLayout, a: int, tile: int, kind: int, thing: int) -> int:
    """The ways from a tile to such an object; see :mod:`townlet.world.state.routes`."""
    if thing == layout.workplace[a]:
        return int(layout.work[layout.work_row[a], tile].route)
    c = candidate(layout, tile, kind, thing)
    return int(layout.near_route[tile, kind, c]) if c >= 0 else 0


@rule
def candidate(layout: TownLayout, tile: int, kind: int, thing: int) -> int:
    """The place of an object among those of its type nearest to a tile, or −1."""
    for c in range(layout.near_object.shape[2]):
        if layout.near_object[tile, kind, c] == thing:
            return c
    return -1
