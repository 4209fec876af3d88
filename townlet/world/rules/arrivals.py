"""Joining a queue: one after the other, and by lot for those who arrive in the same tick."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.random import ARRIVAL_ORDER, WORLD_STREAM, draw
from townlet.world.rules.rivalry import conflict
from townlet.world.state.arrays import WAITING, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.dirty import notice
from townlet.world.state.events import CONTESTED_ARRIVAL
from townlet.world.state.layout import TownLayout


@seldom
def let_arrivals_join(town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, w: int) -> None:
    """Put everybody who asked for an object in reach into its queue."""
    for a in range(layout.people):
        if town.people[w, a].joining >= 0:
            join(town, w, a, seed, world)
    for a in range(layout.people):
        if town.people[w, a].joining >= 0:
            remember_lost_arrival(town, layout, rules, w, a)


@rule
def join(town: TownState, w: int, a: int, seed: int, world: int) -> None:
    """Put a person at the tail of a queue; among arrivals of the same tick the world stream decides the order."""
    thing = town.people[w, a].joining
    queue = town.objects[w, thing]
    tick = town.worlds[w].clock
    mine = draw(seed, WORLD_STREAM, world, tick, a, ARRIVAL_ORDER)
    place = queue.queue_length
    rank = queue.next_rank
    while place > 0:
        other = queue.queue[place - 1]
        arrives_too = town.people[w, other].joining == thing
        if not arrives_too or draw(seed, WORLD_STREAM, world, tick, other, ARRIVAL_ORDER) <= mine:
            break
        queue.queue[place] = other
        rank = town.people[w, other].rank
        town.people[w, other].rank = rank + 1
        place -= 1
    queue.queue[place] = a
    queue.queue_length += 1
    notice(town, w, thing)
    queue.next_rank += 1
    person = town.people[w, a]
    person.role = WAITING
    person.at_object = thing
    person.rank = rank
    person.waited = 0
    person.favored = False


@rule
def remember_lost_arrival(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """A conflict for everybody who arrived in the same tick as the first of this tick's arrivals, but after it."""
    thing = town.people[w, a].joining
    queue = town.objects[w, thing]
    for i in range(queue.queue_length):
        first = queue.queue[i]
        if town.people[w, first].joining == thing:
            if first != a:
                conflict(town, layout, rules, w, CONTESTED_ARRIVAL, thing, first, a, queue.queue_length)
            return
