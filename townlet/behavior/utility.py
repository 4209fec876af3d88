"""What a use is worth to a person: the relief that it brings, per tick that it takes to get it."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.preconditions import holds
from townlet.world.rules.actions import fill_values, queue_place
from townlet.world.rules.prices import price_of
from townlet.world.rules.queues import rival_at
from townlet.world.rules.targets import in_reach, steps_to
from townlet.world.rules.utilities import lacking
from townlet.world.state.arrays import DUE, LATE, USING, WAITING, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout

#: Below this a need is urgent; a need at 0 is worth as much more as ``ALARM`` says.
URGENT, ALARM = 0.4, 4.0
#: Worth of a tick of work, and of coming to it in time, in the unit of relief per tick.
WORK, PUNCTUALITY = 0.0025, 0.03
#: Ticks to spare on the way to work.
MARGIN = 22
#: Ticks of waiting that the presence of a rival is as bad as.
GRUDGE = 40
#: Share of its worth that is left of a use that makes a person late for work.
LATE_SHARE = 0.25
#: Wallet from which on money is no object, and ticks that a tick's wage is worth to somebody with an empty one.
RICH, THRIFT = 4.0, 1.0


@rule
def discomfort(level: float) -> float:
    """How bad a level of a need is: by the square of what is lacking, as in the reward, and more when it is urgent."""
    gap = 1.0 - level
    alarm = max(URGENT - level, 0.0) / URGENT
    return gap * gap + ALARM * alarm * alarm


@rule
def relief(town: TownState, rules: TownRules, w: int, a: int, use: int, delay: float, ticks: float) -> float:
    """Discomfort that ``ticks`` of a use take away, after ``delay`` ticks without it."""
    needs = town.people[w, a].needs
    total = 0.0
    for n in range(3):
        effect = rules.affordance_effect[use, n]
        if effect > 0.0:
            level = max(needs[n] - rules.need_decay[n] * delay, 0.0)
            after = min(level + (effect - rules.need_decay[n]) * ticks, 1.0)
            total += discomfort(level) - discomfort(after)
    return total


@seldom
def worth_of_use(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, use: int, thing: int) -> float:
    """Relief per tick of going to an object, waiting for it and using it; 0 if that is impossible."""
    price = price_of(town, rules, w, use)
    if not is_offered(town, layout, rules, w, a, use, thing, price):
        return 0.0
    person = town.people[w, a]
    ticks = float(rules.affordance_ticks[use])
    near = in_reach(town, layout, w, a, thing)
    steps = 0 if near else steps_to(layout, a, person.tile, layout.object_type[thing], thing)
    delay = steps + expected_wait(town, rules, w, a, thing, ticks)
    gain = relief(town, rules, w, a, use, delay, ticks)
    cost = delay + ticks
    if delay > steps and rival_at(town, rules, w, a, thing) >= 0:
        cost += GRUDGE
    if layout.workplace[a] >= 0:
        back = steps_between(layout, a, thing)
        free = ticks_until_work(layout, rules, a, town.worlds[w].tick)
        if free <= 0:
            cost += back if person.arrived else 0
        elif cost + back > free:
            gain *= LATE_SHARE
        if price > 0.0 and layout.wage[a] > 0.0:
            cost += THRIFT * price / layout.wage[a] * max(1.0 - (person.wallet - price) / RICH, 0.0)
    return gain / cost


@rule
def is_offered(
    town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, use: int, thing: int, price: float
) -> bool:
    """Whether a person could begin an affordance at an object, were it there and its turn."""
    place = town.objects[w, thing]
    if place.out_of_service or lacking(town, rules.affordance_utility[use], w):
        return False
    if (rules.affordance_stock[use] and place.stock <= 0) or (price > 0.0 and town.people[w, a].wallet < price):
        return False
    if thing == layout.workplace[a] and may_work_at(town, layout, rules, w, a):
        # There, start would begin the work.
        return False
    first = rules.when_start[use]
    end = rules.when_start[use + 1]
    if first == end:
        return True
    fill_values(town, layout, rules, w, a, thing, price)
    return bool(holds(rules.when_code, rules.when_operand, first, end, town.values[w], town.stack[w]))


@rule
def expected_wait(town: TownState, rules: TownRules, w: int, a: int, thing: int, ticks: float) -> float:
    """Ticks until it would be a person's turn, if everybody before it takes as long."""
    place = town.objects[w, thing]
    person = town.people[w, a]
    wait = 0.0
    if place.holder >= 0 and place.holder != a:
        holder = town.people[w, place.holder]
        wait = float(holder.remaining) if holder.role == USING else ticks
    waits_here = person.role == WAITING and person.at_object == thing
    return wait + ticks * (queue_place(town, w, a) if waits_here else place.queue_length)


@rule
def may_work_at(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> bool:
    """Whether a person has come to its shift, and that is still on."""
    return bool(town.people[w, a].arrived and ticks_until_work(layout, rules, a, town.worlds[w].tick) <= 0)


@rule
def steps_between(layout: TownLayout, a: int, thing: int) -> int:
    """Steps from beside an object to a person's workplace."""
    tile = layout.object_tile[thing]
    least = 32767
    for direction in range(4):
        beside = layout.step[tile, direction]
        if beside != tile:
            least = min(least, int(layout.work[layout.work_row[a], beside].distance))
    return least


@rule
def ticks_until_work(layout: TownLayout, rules: TownRules, a: int, tick: int) -> int:
    """Ticks until a person's next shift begins; 0 or less while it is on."""
    time = tick % rules.ticks_per_day
    start = int(layout.shift[a, 0])
    return int(start - time if time < layout.shift[a, 1] else start + rules.ticks_per_day - time)


@seldom
def worth_of_work(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> float:
    """What it is worth to work, or to set out for work; 0 when it is too early, or too late for today."""
    person = town.people[w, a]
    place = layout.workplace[a]
    left = ticks_until_work(layout, rules, a, town.worlds[w].tick)
    if left > 0 or not person.arrived:
        expected = left > 0 or person.shift_state == DUE or person.shift_state == LATE
        steps = int(layout.work[layout.work_row[a], person.tile].distance)
        return PUNCTUALITY if expected and left <= steps + MARGIN else 0.0
    holder = town.objects[w, place].holder
    worth: float = WORK * (1.0 + max(1.0 - person.wallet / RICH, 0.0))
    return worth if holder < 0 or holder == a else 0.5 * worth


@rule
def worth_of_going_on(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> float:
    """Relief per tick of what is left of the running use; 0 once it has nothing more to give."""
    person = town.people[w, a]
    use = person.affordance
    if rules.affordance_work[use]:
        return worth_of_work(town, layout, rules, w, a)
    for n in range(3):
        if rules.affordance_effect[use, n] > 0.0 and person.needs[n] < 0.99:
            ticks = float(person.remaining)
            return relief(town, rules, w, a, use, 0.0, ticks) / ticks
    return 0.0
