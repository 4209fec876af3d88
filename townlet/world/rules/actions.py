"""The action space and which of its actions are legal for whom."""

from __future__ import annotations

from collections.abc import Sequence

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.preconditions import holds
from townlet.world.rules.employment import may_work
from townlet.world.rules.prices import price_of
from townlet.world.rules.relationships import chat_partner
from townlet.world.state.arrays import HOLDING, IDLE, USING, WAITING, TownState
from townlet.world.state.constants import POWER, WATER, TownRules
from townlet.world.state.layout import TownLayout
from townlet.world.state.occupancy import free_ways, seen_adjacent

WAIT, NORTH, SOUTH, WEST, EAST = 0, 1, 2, 3, 4
#: ``request`` of object type ``t`` is action REQUEST + t; the actions below follow the last of them.
REQUEST = 5
START, RELEASE, PUSH, YIELD, LEAVE, CHAT = 0, 1, 2, 3, 4, 5

_BEFORE = ("wait", "move_north", "move_south", "move_west", "move_east")
_AFTER = ("start", "release", "push_in", "yield", "leave_queue", "chat")


def action_names(object_types: Sequence[str]) -> list[str]:
    """Names of the actions by number; fixed by the order of the scenario's object types."""
    return [*_BEFORE, *(f"request_{name}" for name in object_types), *_AFTER]


@seldom
def startable(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """The affordance that ``start`` would begin: the first of the held object that can be, or −1.

    It can if its utility works, there is stock, the person can pay, works there if it is work, and ``when`` holds.
    """
    person = town.people[w, a]
    thing = town.objects[w, person.at_object]
    kind = layout.object_type[person.at_object]
    if thing.out_of_service:
        return -1
    for use in range(rules.affordances):
        if rules.affordance_type[use] != kind:
            continue
        if rules.affordance_work[use] and not may_work(town, layout, rules, w, a):
            continue
        if rules.affordance_stock[use] and thing.stock <= 0:
            continue
        utility = rules.affordance_utility[use]
        tick = town.worlds[w].tick
        if utility == POWER and tick < town.worlds[w].power_off_until:
            continue
        if utility == WATER and tick < town.worlds[w].water_off_until:
            continue
        price = price_of(town, rules, w, use)
        if price > 0.0 and person.wallet < price:
            continue
        if rules.when_start[use] < rules.when_start[use + 1]:
            fill_values(town, layout, rules, w, a, person.at_object, price)
            first = rules.when_start[use]
            end = rules.when_start[use + 1]
            if not holds(rules.when_code, rules.when_operand, first, end, town.values[w], town.stack[w]):
                continue
        return use
    return -1


@rule
def fill_values(
    town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, thing: int, price: float
) -> None:
    """The variables of preconditions for a person and an object, in the order of ``VARIABLES``."""
    person = town.people[w, a]
    values = town.values[w]
    tick = town.worlds[w].tick
    for n in range(3):
        values[n] = person.needs[n]
    values[3] = person.wallet
    values[4] = price
    values[5] = town.objects[w, thing].stock
    values[6] = tick % rules.ticks_per_day
    values[7] = tick // rules.ticks_per_day
    values[8] = 1.0 if may_work(town, layout, rules, w, a) else 0.0
    values[9] = 1.0 if layout.workplace[a] >= 0 else 0.0
    values[10] = 1.0 if tick >= town.worlds[w].power_off_until else 0.0
    values[11] = 1.0 if tick >= town.worlds[w].water_off_until else 0.0


@rule
def queue_place(town: TownState, w: int, a: int) -> int:
    """Place of a waiting person in its queue, 0 at the front."""
    queue = town.objects[w, town.people[w, a].at_object]
    for i in range(queue.queue_length):
        if queue.queue[i] == a:
            return i
    return -1


@rule
def mark_legal_actions(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Fill the action mask of somebody who is there; waiting is always legal.

    Whether it can ask for an object is written here when its part at one has changed, else where that object is found.
    """
    person = town.people[w, a]
    legal = town.mask[w, a]
    idle = person.role == IDLE
    kinds = town.target.shape[2]
    ways = 0 if person.role == USING else free_ways(town, layout, w, a)
    legal[WAIT] = True
    legal[NORTH] = ways & 1 != 0
    legal[SOUTH] = ways & 2 != 0
    legal[WEST] = ways & 4 != 0
    legal[EAST] = ways & 8 != 0
    if person.role != person.shown_role:
        for kind in range(kinds):
            legal[REQUEST + kind] = idle & (town.target[w, a, kind] >= 0)
    # One by one, because for a loop the compiler calls the C library to fill six bytes.
    legal[REQUEST + kinds + START] = False
    legal[REQUEST + kinds + RELEASE] = False
    legal[REQUEST + kinds + PUSH] = False
    legal[REQUEST + kinds + YIELD] = False
    legal[REQUEST + kinds + LEAVE] = False
    legal[REQUEST + kinds + CHAT] = False
    if not idle:
        mark_queue_actions(town, layout, rules, w, a)
    # In this order: whether anybody is in view cannot be predicted, but hardly ever does anybody stand beside.
    if seen_adjacent(town.near[w, a, 0]) and person.seen > 0 and rules.ties:
        legal[REQUEST + kinds + CHAT] = chat_partner(town, layout, rules, w, a) >= 0


@rule
def mark_empty_slot(town: TownState, w: int, a: int) -> None:
    """In an empty slot nothing but waiting is legal."""
    town.mask[w, a, :] = False
    town.mask[w, a, WAIT] = True


@rule
def mark_queue_actions(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """The actions of somebody who waits at an object, holds or uses it."""
    person = town.people[w, a]
    legal = town.mask[w, a]
    after = REQUEST + town.target.shape[2]
    waiting = town.objects[w, person.at_object].queue_length
    if person.role == WAITING:
        place = queue_place(town, w, a)
        legal[after + PUSH] = place > 0
        legal[after + YIELD] = place == 0 and waiting > 1 and not person.favored
        legal[after + LEAVE] = True
    elif person.role == USING:
        legal[after + RELEASE] = True
    else:
        legal[after + START] = startable(town, layout, rules, w, a) >= 0
        legal[after + LEAVE] = person.role == HOLDING
        legal[after + YIELD] = person.role == HOLDING and waiting > 0 and not person.favored
