"""What befalls the town from outside: outages of power and water, price spikes, and objects that are closed.

Each kind comes at most once a day. Whether and when is drawn at the start of the day from the events stream, so that it
does not depend on what people do. It is recorded in the drawn tick, and takes effect at its end: the tick after is the
first without power, and ``ticks`` later it is back.
"""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.random import EVENT_OBJECT, EVENT_TICK, EVENT_TODAY, EVENTS_STREAM, draw
from townlet.world.rules.queues import drop_place, serve_front
from townlet.world.rules.utilities import lacking
from townlet.world.state.arrays import USING, TownState
from townlet.world.state.constants import (
    CLOSURE_OF_OBJECT,
    OUTAGE_OF_POWER,
    OUTAGE_OF_WATER,
    SPIKE_OF_PRICES,
    TownRules,
)
from townlet.world.state.dirty import notice
from townlet.world.state.events import CLOSURE, POWER_OUTAGE, PRICE_SPIKE, USE_INTERRUPTED, WATER_OUTAGE
from townlet.world.state.layout import TownLayout
from townlet.world.state.record import record

#: A tick that never comes.
NEVER = 1 << 62


@rule
def clear_perturbations(town: TownState, w: int) -> None:
    """Begin an episode with nothing out of order."""
    now = town.worlds[w]
    now.power_off_until = 0
    now.water_off_until = 0
    now.price_spike_until = 0


@seldom
def draw_perturbations(town: TownState, rules: TownRules, seed: int, world: int, w: int) -> None:
    """Decide at the start of a day what will happen in it, and in which of its ticks."""
    now = town.worlds[w]
    for kind in range(len(rules.event_chance)):
        now.perturbation_at[kind] = -1
        if draw(seed, EVENTS_STREAM, world, now.clock, kind, EVENT_TODAY) < rules.event_chance[kind]:
            time = int(draw(seed, EVENTS_STREAM, world, now.clock, kind, EVENT_TICK) * rules.ticks_per_day)
            now.perturbation_at[kind] = now.tick + time + 1
    plan_next_change(town, w)


@seldom
def plan_next_change(town: TownState, w: int) -> None:
    """Note the next tick at which anything begins, or is in service again, so that no tick before it has to ask."""
    now = town.worlds[w]
    change = NEVER
    for kind in range(len(now.perturbation_at)):
        change = sooner(change, now.perturbation_at[kind], now.tick)
    change = sooner(change, now.power_off_until, now.tick)
    change = sooner(change, now.water_off_until, now.tick)
    for thing in range(town.objects.shape[1]):
        change = sooner(change, town.objects[w, thing].closed_until, now.tick)
    now.next_change = change


@rule
def sooner(change: int, at: int, tick: int) -> int:
    """The earlier of two ticks, unless the second has passed."""
    return int(at) if tick < at < change else change


@seldom
def perturb(town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, w: int) -> None:
    """Let begin and end what is due."""
    now = town.worlds[w]
    tick = now.tick
    if now.perturbation_at[OUTAGE_OF_POWER] == tick:
        now.power_off_until = tick + rules.event_ticks[OUTAGE_OF_POWER]
        record(town, w, POWER_OUTAGE, -1, -1, -1, 0, rules.event_ticks[OUTAGE_OF_POWER])
    if now.perturbation_at[OUTAGE_OF_WATER] == tick:
        now.water_off_until = tick + rules.event_ticks[OUTAGE_OF_WATER]
        record(town, w, WATER_OUTAGE, -1, -1, -1, 0, rules.event_ticks[OUTAGE_OF_WATER])
    if now.perturbation_at[SPIKE_OF_PRICES] == tick:
        now.price_spike_until = tick + rules.event_ticks[SPIKE_OF_PRICES]
        record(town, w, PRICE_SPIKE, -1, -1, -1, 0, rules.event_ticks[SPIKE_OF_PRICES])
    if now.perturbation_at[CLOSURE_OF_OBJECT] == tick:
        thing = object_to_close(layout, rules, draw(seed, EVENTS_STREAM, world, now.clock, 0, EVENT_OBJECT))
        if thing >= 0:
            town.objects[w, thing].closed_until = tick + rules.event_ticks[CLOSURE_OF_OBJECT]
            record(town, w, CLOSURE, thing, -1, -1, 0, rules.event_ticks[CLOSURE_OF_OBJECT])
    update_service(town, layout, rules, w)
    interrupt_uses(town, rules, w)
    plan_next_change(town, w)


@rule
def object_to_close(layout: TownLayout, rules: TownRules, share: float) -> int:
    """The object that lies at a share, in [0, 1), of the objects of the type that can be closed; −1 without any."""
    objects = len(layout.object_tile)
    count = 0
    for thing in range(objects):
        count += layout.object_type[thing] == rules.closed_type
    nth = int(share * count)
    for thing in range(objects):
        if layout.object_type[thing] == rules.closed_type:
            if nth == 0:
                return thing
            nth -= 1
    return -1


@seldom
def update_service(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> None:
    """Find which objects are in service; when that changes, everybody looks anew for what to ask for."""
    changed = False
    for thing in range(len(layout.object_tile)):
        place = town.objects[w, thing]
        closed = town.worlds[w].tick < place.closed_until
        out = closed or lacking(town, rules.type_utility[layout.object_type[thing]], w)
        if out != place.out_of_service:
            place.out_of_service = out
            notice(town, w, thing)
            changed = True
            if out:
                dismiss(town, w, thing)
    if changed:
        for a in range(layout.people):
            town.people[w, a].restless = True


@seldom
def dismiss(town: TownState, w: int, thing: int) -> None:
    """Send everybody away from an object that went out of service; that is nobody's fault, and no conflict."""
    place = town.objects[w, thing]
    if place.holder >= 0:
        if town.people[w, place.holder].role == USING:
            interrupt(town, w, place.holder)
        else:
            drop_place(town, w, place.holder)
    while place.queue_length > 0:
        drop_place(town, w, place.queue[0])


@seldom
def interrupt_uses(town: TownState, rules: TownRules, w: int) -> None:
    """End the uses whose utility failed at objects that also offer something else, and let the next in line go on."""
    for a in range(town.people.shape[1]):
        person = town.people[w, a]
        if person.role == USING and lacking(town, rules.affordance_utility[person.affordance], w):
            thing = person.at_object
            interrupt(town, w, a)
            if town.objects[w, thing].queue_length > 0:
                serve_front(town, w, thing)


@seldom
def interrupt(town: TownState, w: int, a: int) -> None:
    """End a use before its time: its effects so far stay, and the person need not cool down."""
    person = town.people[w, a]
    length = town.objects[w, person.at_object].queue_length
    record(town, w, USE_INTERRUPTED, person.at_object, a, -1, length, person.affordance)
    drop_place(town, w, a)
