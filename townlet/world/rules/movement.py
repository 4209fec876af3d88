"""Walking: one tile per tick, one person per tile; walls, objects and the edge block."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.engine.intrinsics import lowest_bit
from townlet.world.engine.random import nth_mover
from townlet.world.rules.actions import NORTH, REQUEST
from townlet.world.rules.queues import leave_queue
from townlet.world.rules.targets import in_reach, route_to
from townlet.world.state.arrays import IDLE, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout
from townlet.world.state.occupancy import free_ways, stand_at, step_off


@rule
def move_people(town: TownState, layout: TownLayout, rules: TownRules, order: int, w: int) -> bool:
    """Carry out moves and the walking part of requests; whoever already stands in reach is marked as joining.

    Who goes first changes from tick to tick by the world stream. Returns whether anybody joins.
    """
    arriving = False
    kinds = town.target.shape[2]
    for i in range(layout.people):
        a = nth_mover(order, i, layout.people)
        person = town.people[w, a]
        kind = person.intent - REQUEST
        if NORTH - REQUEST <= kind < kinds:
            # One path for moves and requests, because which of them it is cannot be predicted.
            route = 0
            if kinds > 0:
                thing = town.target[w, a, max(kind, 0)]
                if thing >= 0 and in_reach(town, layout, w, a, thing) and kind >= 0:
                    person.joining = thing
                    arriving = True
                    continue
                nearest = layout.nearest[person.tile, max(kind, 0)]
                route = int(nearest.route)
                if kind >= 0 and (thing != nearest.thing or thing == layout.workplace[a]):
                    route = route_to(layout, a, person.tile, kind, thing)
            route = route if kind >= 0 else 1 << (kind + REQUEST - NORTH)
            free = free_ways(town, layout, w, a)
            ways = free & route & 15
            ways = ways if ways != 0 else free & (route >> 4)
            if ways != 0:
                walk(town, layout, rules, w, a, lowest_bit(ways))
    return arriving


@rule
def walk(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, direction: int) -> None:
    """Let a person go to the next tile, which is free; out of its object's reach it loses its place there."""
    step_off(town, layout, w, a)
    forward = 2 * (direction & 1) - 1
    sideways = direction >> 1
    person = town.people[w, a]
    stand_at(town, layout, w, a, person.x + forward * sideways, person.y + forward * (1 - sideways))
    if town.people[w, a].role != IDLE and not in_reach(town, layout, w, a, town.people[w, a].at_object):
        leave_queue(town, rules, w, a)
