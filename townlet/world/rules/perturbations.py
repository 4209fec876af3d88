"""Perturbations: outages of power and water, price spikes, and closures of objects.

Each comes at most once a day. At the start of the day it is drawn from the events stream whether each comes, and when,
so perturbations do not depend on what people do. An event is recorded in the drawn tick and takes effect at the end of
that tick: the next tick is the first without power, and ``ticks`` ticks later it is back.
"""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.random import EVENT_OBJECT, EVENT_TICK, EVENT_TODAY, EVENTS_STREAM, draw
from townlet.world.rules.queues import serve_front, withdraw
from townlet.world.rules.utilities import is_utility_off
from townlet.world.state.arrays import USING, TownState
from townlet.world.state.constants import (
    CLOSURE_OF_OBJECT,
    OUTAGE_OF_POWER,
    OUTAGE_OF_WATER,
    SPIKE_OF_PRICES,
    TownRules,
)
from townlet.world.state.dirty import mark_dirty
from townlet.world.state.event_log import record
from townlet.world.state.events import CLOSURE, POWER_OUTAGE, PRICE_SPIKE, USE_INTERRUPTED, WATER_OUTAGE
from townlet.world.state.layout import TownLayout

#: A tick that never comes.
NEVER = 1 << 62


@rule
def clear_perturbations(town: TownState, w: int) -> None:
    """End every outage and price spike."""
    now = town.worlds[w]
    now.power_off_until = 0
    now.water_off_until = 0
    now.price_spike_until = 0


@seldom
def draw_perturbations(town: TownState, rules: TownRules, seed: int, world: int, w: int) -> None:
    """Draw at the start of a day which perturbations it brings, and in which of its ticks."""
    now = town.worlds[w]
    for which in range(len(rules.event_chance)):
        now.perturbation_at[which] = -1
        if draw(seed, EVENTS_STREAM, world, now.clock, which, EVENT_TODAY) < rules.event_chance[which]:
            time = int(draw(seed, EVENTS_STREAM, world, now.clock, which, EVENT_TICK) * rules.ticks_per_day)
            now.perturbation_at[which] = now.tick + time + 1
    plan_next_change(town, w)


@seldom
def plan_next_change(town: TownState, w: int) -> None:
    """Find the next tick in which a perturbation begins or ends, so that no earlier tick has to look."""
    now = town.worlds[w]
    change = NEVER
    for which in range(len(now.perturbation_at)):
        change = sooner(change, now.perturbation_at[which], now.tick)
    change = sooner(change, now.power_off_until, now.tick)
    change = sooner(change, now.water_off_until, now.tick)
    for o in range(town.objects.shape[1]):
        change = sooner(change, town.objects[w, o].closed_until, now.tick)
    now.next_change = change


@rule
def sooner(change: int, at: int, tick: int) -> int:
    """The earlier of two ticks; the second does not count if it has passed."""
    return int(at) if tick < at < change else change


@seldom
def perturb(town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, w: int) -> None:
    """Begin and end the perturbations that are due."""
    now = town.worlds[w]
    tick = now.tick
    if now.perturbation_at[OUTAGE_OF_POWER] == tick:
        now.power_off_until = tick + rules.event_ticks[OUTAGE_OF_POWER]
        record(town, w, POWER_OUTAGE, -1, -1, -1, 0, 0.0, rules.event_ticks[OUTAGE_OF_POWER])
    if now.perturbation_at[OUTAGE_OF_WATER] == tick:
        now.water_off_until = tick + rules.event_ticks[OUTAGE_OF_WATER]
        record(town, w, WATER_OUTAGE, -1, -1, -1, 0, 0.0, rules.event_ticks[OUTAGE_OF_WATER])
    if now.perturbation_at[SPIKE_OF_PRICES] == tick:
        now.price_spike_until = tick + rules.event_ticks[SPIKE_OF_PRICES]
        record(town, w, PRICE_SPIKE, -1, -1, -1, 0, 0.0, rules.event_ticks[SPIKE_OF_PRICES])
    if now.perturbation_at[CLOSURE_OF_OBJECT] == tick:
        o = object_to_close(layout, rules, draw(seed, EVENTS_STREAM, world, now.clock, 0, EVENT_OBJECT))
        if o >= 0:
            town.objects[w, o].closed_until = tick + rules.event_ticks[CLOSURE_OF_OBJECT]
            record(town, w, CLOSURE, o, -1, -1, 0, 0.0, rules.event_ticks[CLOSURE_OF_OBJECT])
    update_service(town, layout, rules, w)
    interrupt_uses(town, rules, w)
    plan_next_change(town, w)


@rule
def object_to_close(layout: TownLayout, rules: TownRules, share: float) -> int:
    """Choose an object that can be closed by ``share``, a number in [0, 1); −1 if there is none."""
    objects = len(layout.object_tile)
    count = 0
    for o in range(objects):
        count += layout.object_type[o] == rules.closed_type
    nth = int(share * count)
    for o in range(objects):
        if layout.object_type[o] == rules.closed_type:
            if nth == 0:
                return o
            nth -= 1
    return -1


@seldom
def update_service(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> None:
    """Find which objects are in service; if that changes, everybody's targets are found again."""
    changed = False
    for o in range(len(layout.object_tile)):
        thing = town.objects[w, o]
        closed = town.worlds[w].tick < thing.closed_until
        out = closed or is_utility_off(town, rules.type_utility[layout.object_type[o]], w)
        if out != thing.out_of_service:
            thing.out_of_service = out
            mark_dirty(town, w, o)
            changed = True
            if out:
                dismiss(town, w, o)
    if changed:
        for a in range(layout.people):
            town.people[w, a].moved_or_retargeted = True


@seldom
def dismiss(town: TownState, w: int, o: int) -> None:
    """Send everybody away from an object that went out of service; this is no conflict."""
    thing = town.objects[w, o]
    if thing.holder >= 0:
        if town.people[w, thing.holder].role == USING:
            interrupt(town, w, thing.holder)
        else:
            withdraw(town, w, thing.holder)
    while thing.queue_length > 0:
        withdraw(town, w, thing.queue[0])


@seldom
def interrupt_uses(town: TownState, rules: TownRules, w: int) -> None:
    """Interrupt uses whose utility failed at objects that stay in service, and serve the next in line there."""
    for a in range(town.people.shape[1]):
        person = town.people[w, a]
        if person.role == USING and is_utility_off(town, rules.affordance_utility[person.affordance], w):
            o = person.at_object
            interrupt(town, w, a)
            if town.objects[w, o].queue_length > 0:
                serve_front(town, w, o)


@seldom
def interrupt(town: TownState, w: int, a: int) -> None:
    """Interrupt a use: its effects so far stay, and the person gets no cooldown."""
    person = town.people[w, a]
    length = town.objects[w, person.at_object].queue_length
    record(town, w, USE_INTERRUPTED, person.at_object, a, -1, length, 0.0, person.affordance)
    withdraw(town, w, a)
