"""Arrivals in queues: first come, first served, and by lot for those who arrive in the same tick."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.random import ARRIVAL_ORDER, WORLD_STREAM, draw
from townlet.world.rules.rivalry import conflict
from townlet.world.state.arrays import WAITING, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.dirty import mark_dirty
from townlet.world.state.events import CONTESTED_ARRIVAL
from townlet.world.state.layout import TownLayout


@seldom
def let_arrivals_join(town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, w: int) -> None:
    """Put everybody who requested an object within reach into its queue."""
    for a in range(layout.people):
        if town.people[w, a].joining >= 0:
            join(town, w, a, seed, world)
    for a in range(layout.people):
        if town.people[w, a].joining >= 0:
            contest_arrival(town, layout, rules, w, a)


@rule
def join(town: TownState, w: int, a: int, seed: int, world: int) -> None:
    """Put a person at the tail of a queue; the world stream orders those who arrive in the same tick."""
    o = town.people[w, a].joining
    thing = town.objects[w, o]
    tick = town.worlds[w].clock
    mine = draw(seed, WORLD_STREAM, world, tick, a, ARRIVAL_ORDER)
    position = thing.queue_length
    rank = thing.next_rank
    while position > 0:
        other = thing.queue[position - 1]
        arrives_too = town.people[w, other].joining == o
        if not arrives_too or draw(seed, WORLD_STREAM, world, tick, other, ARRIVAL_ORDER) <= mine:
            break
        thing.queue[position] = other
        rank = town.people[w, other].rank
        town.people[w, other].rank = rank + 1
        position -= 1
    thing.queue[position] = a
    thing.queue_length += 1
    mark_dirty(town, w, o)
    thing.next_rank += 1
    person = town.people[w, a]
    person.role = WAITING
    person.at_object = o
    person.rank = rank
    person.waited = 0
    person.favored = False


@rule
def contest_arrival(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Record a conflict with the first of this tick's arrivals at the object, unless the person is the first."""
    o = town.people[w, a].joining
    thing = town.objects[w, o]
    for i in range(thing.queue_length):
        first = thing.queue[i]
        if town.people[w, first].joining == o:
            if first != a:
                conflict(town, layout, rules, w, CONTESTED_ARRIVAL, o, first, a)
            return
