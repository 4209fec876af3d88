"""Targets of requests: which object a request is for, whether it is within reach, and the way to it."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.state.arrays import HELD, OUT_OF_SERVICE, TownState
from townlet.world.state.layout import TownLayout
from townlet.world.state.routes import UNREACHABLE


@rule
def in_reach(town: TownState, layout: TownLayout, w: int, a: int, o: int) -> bool:
    """Whether a person touches an object, corners included."""
    person = town.people[w, a]
    dx = person.x - layout.object_x[o]
    dy = person.y - layout.object_y[o]
    return bool(-1 <= dx <= 1 and -1 <= dy <= 1)


@rule
def find_target(town: TownState, layout: TownLayout, w: int, a: int, t: int) -> int:
    """The object that a request of a type is for, or −1: the nearest free one, or the nearest if all are held.

    Objects that are out of service or on cooldown for this person do not count. If the type is that of their workplace,
    people request only their workplace. A queue always has room, because people queue on the eight tiles around the
    object.
    """
    tile = town.people[w, a].tile
    workplace = layout.workplace[a]
    if workplace >= 0 and layout.object_type[workplace] == t:
        reachable = layout.work[layout.work_row[a], tile].distance < UNREACHABLE
        return int(workplace) if reachable and can_queue(town, w, a, workplace) else -1
    nearest = -1
    for c in range(layout.near_object.shape[2]):
        o = layout.near_object[tile, t, c]
        if o < 0:
            break
        if can_queue(town, w, a, o):
            if town.object_flags[w, o] & HELD == 0 or town.objects[w, o].holder == a:
                return int(o)
            if nearest < 0:
                nearest = int(o)
    return nearest


@rule
def can_queue(town: TownState, w: int, a: int, o: int) -> bool:
    """Whether an object is in service and not on cooldown for a person."""
    return bool(town.object_flags[w, o] & OUT_OF_SERVICE == 0 and cooldown_left(town, w, a, o) <= 0)


@rule
def cooldown_left(town: TownState, w: int, a: int, o: int) -> int:
    """Ticks until a person can queue for an object again."""
    tick = town.worlds[w].tick
    if town.people[w, a].cooling_until > tick:
        for k in range(town.cooldowns.shape[2]):
            if town.cooldowns[w, a, k].object == o:
                return int(max(town.cooldowns[w, a, k].until - tick, 0))
    return 0


@rule
def default_target(layout: TownLayout, a: int, tile: int, t: int) -> int:
    """The target of a request of a type if every object were free and in service, or −1.

    It is the person's workplace for that type, and the nearest object for all others.
    """
    workplace = layout.workplace[a]
    if workplace >= 0 and layout.object_type[workplace] == t:
        return int(workplace)
    return int(layout.nearest[tile, t].object)


@rule
def steps_to(layout: TownLayout, a: int, tile: int, t: int, o: int) -> int:
    """Steps from a tile until a target of :func:`find_target` or :func:`default_target` is within reach."""
    if o == layout.workplace[a]:
        return int(layout.work[layout.work_row[a], tile].distance)
    c = candidate(layout, tile, t, o)
    return int(layout.near_distance[tile, t, c]) if c >= 0 else UNREACHABLE


@rule
def route_to(layout: TownLayout, a: int, tile: int, t: int, o: int) -> int:
    """The route from a tile to such a target; see :class:`townlet.world.state.routes.Routes`."""
    if o == layout.workplace[a]:
        return int(layout.work[layout.work_row[a], tile].route)
    c = candidate(layout, tile, t, o)
    return int(layout.near_route[tile, t, c]) if c >= 0 else 0


@rule
def steps_to_work(layout: TownLayout, a: int, o: int) -> int:
    """Steps from the nearest tile next to an object to a person's workplace."""
    tile = layout.object_tile[o]
    least = UNREACHABLE
    for direction in range(4):
        beside = layout.step[tile, direction]
        if beside != tile:
            least = min(least, int(layout.work[layout.work_row[a], beside].distance))
    return least


@rule
def candidate(layout: TownLayout, tile: int, t: int, o: int) -> int:
    """An object's index among the candidates of its type that are nearest to a tile, or −1."""
    for c in range(layout.near_object.shape[2]):
        if layout.near_object[tile, t, c] == o:
            return c
    return -1
