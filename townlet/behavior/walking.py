"""Walking among other people: around them where there is room, and aside where there is none."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.random import POLICY_STREAM, draw
from townlet.world.rules.actions import NORTH, REQUEST, WAIT
from townlet.world.rules.targets import route_to
from townlet.world.state.arrays import TownState
from townlet.world.state.layout import TownLayout

#: Purpose of the draws of :func:`dodge`.
DODGE = 32


@seldom
def walk_towards(town: TownState, layout: TownLayout, w: int, a: int, t: int, o: int) -> int:
    """The action of the next step to an object out of reach.

    A request takes the first free step that leads nearer. A step after which the way is still free is better. A person
    who cannot come nearer at all dodges, so that people who meet in a doorway can pass each other.
    """
    tile = town.people[w, a].tile
    route = route_to(layout, a, tile, t, o)
    first = -1
    open_way = -1
    for direction in range(4):
        ahead = layout.step[tile, direction]
        if (route >> direction) & 1 and town.tile_occupant[w, ahead] < 0:
            if first < 0:
                first = direction
            if open_way < 0 and leads_on(town, layout, w, a, ahead, t, o):
                open_way = direction
    if first >= 0 and open_way >= 0 and open_way != first:
        return NORTH + open_way
    return int(REQUEST + t) if first >= 0 else dodge(town, layout, w, a, t, o)


@rule
def leads_on(town: TownState, layout: TownLayout, w: int, a: int, tile: int, t: int, o: int) -> bool:
    """Whether the way onwards from a tile is free, or the tile is within reach of the object."""
    route = route_to(layout, a, tile, t, o)
    for direction in range(4):
        if (route >> direction) & 1 and town.tile_occupant[w, layout.step[tile, direction]] < 0:
            return True
    return route & 15 == 0


@rule
def dodge(town: TownState, layout: TownLayout, w: int, a: int, t: int, o: int) -> int:
    """A step aside to a tile from which the way is free, else to any free tile; half of the time, WAIT.

    If both followed a fixed rule, two people who meet would dodge to the same side forever. So the side is drawn, as a
    function of person, tile and clock, so that the same state always leads to the same action.
    """
    tile = town.people[w, a].tile
    side = int(8.0 * draw(0, POLICY_STREAM, tile, town.worlds[w].clock, a, DODGE))
    if side >= 4:
        return WAIT
    fallback = WAIT
    for i in range(4):
        direction = (side + i) & 3
        ahead = layout.step[tile, direction]
        if town.tile_occupant[w, ahead] < 0:
            if leads_on(town, layout, w, a, ahead, t, o):
                return NORTH + direction
            if fallback == WAIT:
                fallback = NORTH + direction
    return fallback


@rule
def step_aside(town: TownState, layout: TownLayout, w: int, a: int) -> int:
    """A step out of a doorway, or WAIT anywhere else."""
    tile = town.people[w, a].tile
    if is_passage(layout, tile):
        for direction in range(4):
            if town.tile_occupant[w, layout.step[tile, direction]] < 0:
                return NORTH + direction
    return WAIT


@rule
def is_passage(layout: TownLayout, tile: int) -> bool:
    """Whether a tile lies between two blocked tiles, as doorways do."""
    step = layout.step[tile]
    return bool((step[0] == tile and step[1] == tile) or (step[2] == tile and step[3] == tile))
