"""The requirements of affordances: service, stock, utilities, money, a shift, and the precondition ``when``."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.preconditions import holds
from townlet.world.rules.employment import may_work
from townlet.world.rules.prices import price_of
from townlet.world.rules.utilities import is_utility_off
from townlet.world.state.arrays import TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout


@seldom
def startable(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """The affordance that ``start`` would begin, or −1: the first that the person's object offers them now.

    Work is offered only to those who may do it now; see :func:`townlet.world.rules.employment.may_work`.
    """
    o = town.people[w, a].at_object
    for use in range(rules.affordances):
        if rules.affordance_type[use] != layout.object_type[o]:
            continue
        if rules.affordance_work[use] and not may_work(town, layout, rules, w, a):
            continue
        if is_offered(town, layout, rules, w, a, o, use):
            return use
    return -1


@rule
def is_offered(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, o: int, use: int) -> bool:
    """Whether a person could start an affordance of an object now, if they held it.

    The object must be in service and in stock, the utility on, the price within the person's wallet, and ``when`` true.
    This does not check whether the person may do work.
    """
    thing = town.objects[w, o]
    if thing.out_of_service or is_utility_off(town, rules.affordance_utility[use], w):
        return False
    if rules.affordance_stock[use] and thing.stock <= 0:
        return False
    price = price_of(town, rules, w, use)
    if price > 0.0 and town.people[w, a].wallet < price:
        return False
    first = rules.when_start[use]
    end = rules.when_start[use + 1]
    if first == end:
        return True
    fill_variables(town, layout, rules, w, a, o, price)
    return bool(holds(rules.when_code, rules.when_operand, first, end, town.values[w], town.stack[w]))


@rule
def fill_variables(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, o: int, price: float) -> None:
    """Fill in the variables of preconditions for a person and an object, in the order of ``VARIABLES``."""
    person = town.people[w, a]
    values = town.values[w]
    tick = town.worlds[w].tick
    for n in range(3):
        values[n] = person.needs[n]
    values[3] = person.wallet
    values[4] = price
    values[5] = town.objects[w, o].stock
    values[6] = tick % rules.ticks_per_day
    values[7] = tick // rules.ticks_per_day
    values[8] = 1.0 if may_work(town, layout, rules, w, a) else 0.0
    values[9] = 1.0 if layout.workplace[a] >= 0 else 0.0
    values[10] = 1.0 if tick >= town.worlds[w].power_off_until else 0.0
    values[11] = 1.0 if tick >= town.worlds[w].water_off_until else 0.0
