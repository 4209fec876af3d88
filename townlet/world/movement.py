"""Walking: one tile per tick, one person per tile; walls, objects and the edge block."""

from __future__ import annotations

from townlet.world.actions import EAST, NORTH, REQUEST
from townlet.world.compile import rule
from townlet.world.layout import TownLayout
from townlet.world.queues import leave_queue
from townlet.world.random import nth_mover
from townlet.world.rules import TownRules
from townlet.world.senses import free_ways, in_reach, route_to, stand_at, step_off
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
            if (free_ways(town, layout, w, a) >> (intent - NORTH)) & 1:
                walk(town, layout, rules, w, a, intent - NORTH)
        elif REQUEST <= intent < REQUEST + town.target.shape[2]:
            kind = intent - REQUEST
            thing = town.target[w, a, kind]
            if in_reach(town, layout, w, a, thing):
                person.joining = thing
            else:
                route = route_to(layout, a, person.tile, kind, thing)
                ways = free_ways(town, layout, w, a)
                if ways & (route & 15):
                    ways &= route
                else:
                    ways &= route >> 4
                if ways != 0:
                    walk(town, layout, rules, w, a, first_way(ways))


@rule
def walk(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, direction: int) -> None:
    """Let a person go to the next tile, which is free; out of its object's reach it loses its place there."""
    step_off(town, layout, w, a)
    forward = 1 if direction & 1 else -1
    person = town.people[w, a]
    if direction < 2:
        stand_at(town, layout, w, a, person.x, person.y + forward)
    else:
        stand_at(town, layout, w, a, person.x + forward, person.y)
    if town.people[w, a].role != IDLE and not in_reach(town, layout, w, a, town.people[w, a].at_object):
        leave_queue(town, rules, w, a)


@rule
def first_way(ways: int) -> int:
    """The first direction of a set, 0 to 3."""
    if ways & 3:
        return 0 if ways & 1 else 1
    return 2 if ways & 4 else 3
