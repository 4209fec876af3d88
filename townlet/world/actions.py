"""The action space and which of its actions are legal for whom."""

from __future__ import annotations

from collections.abc import Sequence

from townlet.world.compile import rule
from townlet.world.layout import TownLayout
from townlet.world.rules import TownRules
from townlet.world.state import FINISHED, HOLDING, IDLE, USING, WAITING, TownState

WAIT, NORTH, SOUTH, WEST, EAST = 0, 1, 2, 3, 4
#: ``request`` of object type ``t`` is action REQUEST + t; the actions below follow the last of them.
REQUEST = 5
START, RELEASE, PUSH, YIELD, LEAVE = 0, 1, 2, 3, 4

_BEFORE = ("wait", "move_north", "move_south", "move_west", "move_east")
_AFTER = ("start", "release", "push_in", "yield", "leave_queue")


def action_names(object_types: Sequence[str]) -> list[str]:
    """Names of the actions by number; fixed by the order of the scenario's object types."""
    return [*_BEFORE, *(f"request_{name}" for name in object_types), *_AFTER]


@rule
def step_tile(layout: TownLayout, tile: int, direction: int) -> int:
    """The tile one step from another (NORTH to EAST), or −1 beyond the edge or where a wall or object stands."""
    x = tile % layout.width
    y = tile // layout.width
    if direction == NORTH:
        y -= 1
    elif direction == SOUTH:
        y += 1
    elif direction == WEST:
        x -= 1
    else:
        x += 1
    if x < 0 or y < 0 or x >= layout.width or y >= layout.height:
        return -1
    target = y * layout.width + x
    return -1 if layout.blocked[target] else target


@rule
def chosen_object(town: TownState, layout: TownLayout, w: int, a: int, kind: int) -> int:
    """The object that a request of a type is for: the nearest that is not cooling down for this person, or −1.

    There is always room in its queue: people queue on the eight tiles around it.
    """
    tile = town.people[w, a].tile
    for i in range(layout.nearest.shape[2]):
        thing = layout.nearest[kind, tile, i]
        if thing < 0 or town.worlds[w].tick >= town.cooldown_until[w, a, thing]:
            return int(thing)
    return -1


@rule
def startable(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """The affordance that ``start`` would begin: the first of the held object whose preconditions hold, or −1."""
    person = town.people[w, a]
    kind = layout.object_type[person.at_object]
    for use in range(len(rules.affordance_type)):
        if rules.affordance_type[use] != kind:
            continue
        if rules.affordance_work[use] and not on_shift(town, layout, rules, w, a):
            continue
        fits = True
        for n in range(3):
            if person.needs[n] >= rules.affordance_below[use, n]:
                fits = False
        if fits:
            return use
    return -1


@rule
def on_shift(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> bool:
    """Whether a person is at its workplace, has come to today's shift, and the shift is still on."""
    person = town.people[w, a]
    time = town.worlds[w].tick % rules.ticks_per_day
    in_shift = layout.shift[a, 0] <= time < layout.shift[a, 1]
    return bool(layout.workplace[a] == person.at_object and in_shift and person.arrived)


@rule
def queue_place(town: TownState, w: int, a: int) -> int:
    """Place of a waiting person in its queue, 0 at the front."""
    queue = town.objects[w, town.people[w, a].at_object]
    for i in range(queue.queue_length):
        if queue.queue[i] == a:
            return i
    return -1


@rule
def mark_legal_actions(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> None:
    """Fill the action mask of a world. Waiting is always legal, for empty slots nothing else is."""
    after = REQUEST + layout.nearest.shape[0]
    for a in range(layout.people):
        person = town.people[w, a]
        legal = town.mask[w, a]
        legal[:] = False
        legal[WAIT] = True
        if not person.alive:
            continue
        if person.role != USING:
            for direction in range(NORTH, EAST + 1):
                target = step_tile(layout, person.tile, direction)
                legal[direction] = target >= 0 and town.occupant[w, target] < 0
        if person.role == IDLE:
            for kind in range(layout.nearest.shape[0]):
                legal[REQUEST + kind] = chosen_object(town, layout, w, a, kind) >= 0
            continue
        waiting = town.objects[w, person.at_object].queue_length
        may_start = person.role == HOLDING or person.role == FINISHED
        legal[after + START] = may_start and startable(town, layout, rules, w, a) >= 0
        legal[after + RELEASE] = person.role == USING
        legal[after + LEAVE] = person.role == WAITING or person.role == HOLDING
        if person.role == WAITING:
            place = queue_place(town, w, a)
            legal[after + PUSH] = place > 0
            legal[after + YIELD] = place == 0 and waiting > 1 and not person.favored
        else:
            legal[after + YIELD] = person.role == HOLDING and waiting > 0 and not person.favored
