"""The worth of a use to a person: the relief that it brings per tick, with travel and wait counted."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.rules.prices import price_of
from townlet.world.rules.queues import queue_position, rival_at
from townlet.world.rules.requirements import is_offered
from townlet.world.rules.targets import in_reach, steps_to, steps_to_work
from townlet.world.state.arrays import DUE, LATE, USING, WAITING, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout

#: The level below which a need is urgent, and the extra discomfort of a need at 0.
URGENT, ALARM = 0.4, 4.0
#: Worth of a tick of work, and of arriving on time, as relief per tick.
WORK, PUNCTUALITY = 0.0025, 0.03
#: Ticks to spare on the way to work.
MARGIN = 22
#: Ticks of waiting that a rival in the queue counts as.
GRUDGE = 40
#: Factor on the relief of a use that makes a person late for work.
LATE_SHARE = 0.25
#: The wallet above which prices no longer matter, and the ticks that a tick's wage counts as when the wallet is empty.
RICH, THRIFT = 4.0, 1.0


@rule
def discomfort(level: float) -> float:
    """The discomfort of a need's level: the square of its distance to 1, as in the reward, and more when urgent."""
    gap = 1.0 - level
    alarm = max(URGENT - level, 0.0) / URGENT
    return gap * gap + ALARM * alarm * alarm


@rule
def relief(town: TownState, rules: TownRules, w: int, a: int, use: int, delay: float, ticks: float) -> float:
    """The discomfort that ``ticks`` ticks of a use take away after a wait of ``delay`` ticks."""
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
def worth_of_use(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, use: int, o: int) -> float:
    """Relief per tick of going to an object, waiting for it and using it; 0 if the use is impossible."""
    if o == layout.workplace[a] and may_work_at(town, layout, rules, w, a):
        # There, ``start`` would begin the work.
        return 0.0
    if not is_offered(town, layout, rules, w, a, o, use):
        return 0.0
    price = price_of(town, rules, w, use)
    person = town.people[w, a]
    ticks = float(rules.affordance_ticks[use])
    near = in_reach(town, layout, w, a, o)
    steps = 0 if near else steps_to(layout, a, person.tile, layout.object_type[o], o)
    delay = steps + expected_wait(town, rules, w, a, o, ticks)
    gain = relief(town, rules, w, a, use, delay, ticks)
    cost = delay + ticks
    if delay > steps and rival_at(town, rules, w, a, o) >= 0:
        cost += GRUDGE
    if layout.workplace[a] >= 0:
        back = steps_to_work(layout, a, o)
        free = ticks_until_work(layout, rules, a, town.worlds[w].tick)
        if free <= 0:
            cost += back if person.arrived else 0
        elif cost + back > free:
            gain *= LATE_SHARE
        if price > 0.0 and layout.wage[a] > 0.0:
            cost += THRIFT * price / layout.wage[a] * max(1.0 - (person.wallet - price) / RICH, 0.0)
    return gain / cost


@rule
def expected_wait(town: TownState, rules: TownRules, w: int, a: int, o: int, ticks: float) -> float:
    """Ticks until it is a person's turn, if everybody before them also takes ``ticks``."""
    thing = town.objects[w, o]
    person = town.people[w, a]
    wait = 0.0
    if thing.holder >= 0 and thing.holder != a:
        holder = town.people[w, thing.holder]
        wait = float(holder.remaining) if holder.role == USING else ticks
    waits_here = person.role == WAITING and person.at_object == o
    return wait + ticks * (queue_position(town, w, a) if waits_here else thing.queue_length)


@rule
def may_work_at(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> bool:
    """Whether a person has come to their shift and it is still on."""
    return bool(town.people[w, a].arrived and ticks_until_work(layout, rules, a, town.worlds[w].tick) <= 0)


@rule
def ticks_until_work(layout: TownLayout, rules: TownRules, a: int, tick: int) -> int:
    """Ticks until a person's next shift begins; 0 or less during a shift."""
    time = tick % rules.ticks_per_day
    start = int(layout.shift[a, 0])
    return int(start - time if time < layout.shift[a, 1] else start + rules.ticks_per_day - time)


@seldom
def worth_of_work(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> float:
    """The worth of working or of going to work; 0 when it is too early, or too late for today."""
    person = town.people[w, a]
    workplace = layout.workplace[a]
    left = ticks_until_work(layout, rules, a, town.worlds[w].tick)
    if left > 0 or not person.arrived:
        expected = left > 0 or person.shift_state == DUE or person.shift_state == LATE
        steps = int(layout.work[layout.work_row[a], person.tile].distance)
        return PUNCTUALITY if expected and left <= steps + MARGIN else 0.0
    holder = town.objects[w, workplace].holder
    worth: float = WORK * (1.0 + max(1.0 - person.wallet / RICH, 0.0))
    return worth if holder < 0 or holder == a else 0.5 * worth


@rule
def worth_of_going_on(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> float:
    """Relief per tick of the rest of the running use; 0 if it can raise no need any further."""
    person = town.people[w, a]
    use = person.affordance
    if rules.affordance_work[use]:
        return worth_of_work(town, layout, rules, w, a)
    for n in range(3):
        if rules.affordance_effect[use, n] > 0.0 and person.needs[n] < 0.99:
            ticks = float(person.remaining)
            return relief(town, rules, w, a, use, 0.0, ticks) / ticks
    return 0.0
