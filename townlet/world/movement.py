"""Walking: one tile per tick, one person per tile; walls, objects and the edge block."""

from __future__ import annotations

from townlet.world.actions import EAST, NORTH, REQUEST
from townlet.world.compile import rule
from townlet.world.layout import TownLayout
from townlet.world.queues import leave_queue
from townlet.world.random import nth_mover
from townlet.world.rules import TownRules
from townlet.world.senses import in_reach, route_to, stand_on, step_off
from townlet.world.state import IDLE, TownState


@rule
def move_people(town: TownState, layout: TownLayout, rules: TownRules, order: int, w: int) -> None:
    """Carry out moves and the walking part of requests; whoever already stands in reach is marked as joining.

    Who goes first changes from tick to tick by the world stream.
    """
    for i in range(layout.people):
        a = nth_mover(order, i, layout.people)
        person = town.people[w, a]
        intent = person.intent
        if NORTH <= intent <= EAST:
            target = layout.step[person.tile, intent - NORTH]
            if town.occupant[w, target] < 0:
                walk(town, layout, rules, w, a, target)
        elif REQUEST <= intent < REQUEST + town.target.shape[2]:
            kind = intent - REQUEST
            thing = town.target[w, a, kind]
            if in_reach(town, layout, w, a, thing):
                person.joining = thing
            else:
                target = next_tile(town, layout, w, a, route_to(layout, a, person.tile, kind, thing))
                if target >= 0:
                    walk(town, layout, rules, w, a, target)


@rule
def walk(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, target: int) -> None:
    """Put a person on a free tile; out of its object's reach it loses its place there."""
    step_off(town, layout, w, a)
    stand_on(town, layout, w, a, target)
    if town.people[w, a].role != IDLE and not in_reach(town, layout, w, a, town.people[w, a].at_object):
        leave_queue(town, rules, w, a)


@rule
def next_tile(town: TownState, layout: TownLayout, w: int, a: int, route: int) -> int:
    """The first free neighbouring tile on a route, sideways if the way is blocked, or −1."""
    tile = town.people[w, a].tile
    aside = -1
    for direction in range(4):
        target = layout.step[tile, direction]
        if town.occupant[w, target] >= 0:
            continue
        if (route >> direction) & 1:
            return int(target)
        if aside < 0 and (route >> (4 + direction)) & 1:
            aside = int(target)
    return aside
