"""Walking: one tile per tick, one person per tile; walls, objects and the edge block."""

from __future__ import annotations

from townlet.world.actions import EAST, NORTH, REQUEST, chosen_object, step_tile
from townlet.world.compile import rule
from townlet.world.layout import TownLayout
from townlet.world.queues import leave_queue
from townlet.world.random import draw_order, nth_mover
from townlet.world.rules import TownRules
from townlet.world.state import IDLE, TownState


@rule
def move_people(town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, w: int) -> None:
    """Carry out moves and the walking part of requests; whoever already stands in reach is marked as joining.

    Who goes first changes from tick to tick by the world stream.
    """
    people = layout.people
    order = draw_order(seed, world, town.worlds[w].clock, people)
    for i in range(people):
        a = nth_mover(order, i, people)
        town.people[w, a].joining = -1
        intent = town.people[w, a].intent
        if NORTH <= intent <= EAST:
            target = step_tile(layout, town.people[w, a].tile, intent)
            if town.occupant[w, target] < 0:
                walk(town, layout, rules, w, a, target)
        elif REQUEST <= intent < REQUEST + layout.nearest.shape[0] and town.people[w, a].role == IDLE:
            thing = chosen_object(town, layout, w, a, intent - REQUEST)
            if thing >= 0 and layout.distance[thing, town.people[w, a].tile] == 0:
                town.people[w, a].joining = thing
            elif thing >= 0:
                target = next_tile(town, layout, w, a, thing)
                if target >= 0:
                    walk(town, layout, rules, w, a, target)


@rule
def walk(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, target: int) -> None:
    """Put a person on a free tile; out of its object's reach it loses its place there."""
    town.occupant[w, town.people[w, a].tile] = -1
    town.occupant[w, target] = a
    town.people[w, a].tile = target
    if town.people[w, a].role != IDLE and layout.distance[town.people[w, a].at_object, target] > 0:
        leave_queue(town, rules, w, a)


@rule
def next_tile(town: TownState, layout: TownLayout, w: int, a: int, thing: int) -> int:
    """The free neighbouring tile nearest to an object, sideways if the way is blocked, or −1."""
    tile = town.people[w, a].tile
    best = -1
    best_distance = int(layout.distance[thing, tile])
    for direction in range(NORTH, EAST + 1):
        target = step_tile(layout, tile, direction)
        if target < 0 or town.occupant[w, target] >= 0:
            continue
        distance = int(layout.distance[thing, target])
        if distance < best_distance or (best < 0 and distance == best_distance):
            best = target
            best_distance = distance
    return best
