"""Movement: one tile per tick, one person per tile; walls, objects and the map's edge block."""

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
from townlet.world.state.occupancy import free_directions, stand_at, step_off


@rule
def move_people(town: TownState, layout: TownLayout, rules: TownRules, order: int, w: int) -> bool:
    """Carry out moves, and requests for objects out of reach; people within reach are marked as joining the queue.

    People move in the tick's order. Returns whether anybody joins a queue.
    """
    joining = False
    types = town.target.shape[2]
    for i in range(layout.people):
        a = nth_mover(order, i, layout.people)
        person = town.people[w, a]
        t = person.intent - REQUEST
        if NORTH - REQUEST <= t < types:
            # One path for moves and requests, because the processor cannot predict which it is.
            route = 0
            if types > 0:
                o = town.target[w, a, max(t, 0)]
                if o >= 0 and in_reach(town, layout, w, a, o) and t >= 0:
                    person.joining = o
                    joining = True
                    continue
                nearest = layout.nearest[person.tile, max(t, 0)]
                route = int(nearest.route)
                if t >= 0 and (o != nearest.object or o == layout.workplace[a]):
                    route = route_to(layout, a, person.tile, t, o)
            route = route if t >= 0 else 1 << (t + REQUEST - NORTH)
            free = free_directions(town, layout, w, a)
            directions = free & route & 15
            directions = directions if directions != 0 else free & (route >> 4)
            if directions != 0:
                walk(town, layout, rules, w, a, lowest_bit(directions))
    return joining


@rule
def walk(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, direction: int) -> None:
    """Move a person one tile in a free direction; if that takes them out of their object's reach, they leave it."""
    step_off(town, layout, w, a)
    forward = 2 * (direction & 1) - 1
    sideways = direction >> 1
    person = town.people[w, a]
    stand_at(town, layout, w, a, person.x + forward * sideways, person.y + forward * (1 - sideways))
    if town.people[w, a].role != IDLE and not in_reach(town, layout, w, a, town.people[w, a].at_object):
        leave_queue(town, rules, w, a)
