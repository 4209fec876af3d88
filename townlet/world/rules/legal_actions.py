"""The action mask: which actions are legal for whom."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.rules.actions import (
    CHAT,
    EAST,
    LEAVE,
    NORTH,
    PUSH,
    RELEASE,
    REQUEST,
    SOUTH,
    START,
    WAIT,
    WEST,
    YIELD,
    after_requests,
)
from townlet.world.rules.queues import queue_position
from townlet.world.rules.relationships import chat_partner
from townlet.world.rules.requirements import startable
from townlet.world.state.arrays import HOLDING, IDLE, USING, WAITING, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout
from townlet.world.state.occupancy import free_directions, is_adjacent


@rule
def mark_legal_actions(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Fill the action mask of a living person; waiting is always legal.

    Requests are marked here only when the person's role has changed; otherwise the observation marks each request when
    it finds the object that the request would be for.
    """
    person = town.people[w, a]
    legal = town.mask[w, a]
    idle = person.role == IDLE
    free = 0 if person.role == USING else free_directions(town, layout, w, a)
    legal[WAIT] = True
    legal[NORTH] = free & 1 != 0
    legal[SOUTH] = free & 2 != 0
    legal[WEST] = free & 4 != 0
    legal[EAST] = free & 8 != 0
    if person.role != person.observed_role:
        for t in range(town.target.shape[2]):
            legal[REQUEST + t] = idle & (town.target[w, a, t] >= 0)
    after = after_requests(town)
    # One by one: for a loop the compiler would call the C library to fill six bytes.
    legal[after + START] = False
    legal[after + RELEASE] = False
    legal[after + PUSH] = False
    legal[after + YIELD] = False
    legal[after + LEAVE] = False
    legal[after + CHAT] = False
    if not idle:
        mark_queue_actions(town, layout, rules, w, a)
    # In this order, because the processor can predict that nobody is adjacent, but not whether anybody is in view.
    if is_adjacent(town.neighbors[w, a, 0]) and person.neighbor_count > 0 and rules.ties:
        legal[after + CHAT] = chat_partner(town, layout, rules, w, a) >= 0


@rule
def mark_empty_slot(town: TownState, w: int, a: int) -> None:
    """Make waiting the only legal action of an empty slot."""
    town.mask[w, a, :] = False
    town.mask[w, a, WAIT] = True


@rule
def mark_queue_actions(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Mark the legal actions of a person who waits for an object, holds it or uses it."""
    person = town.people[w, a]
    legal = town.mask[w, a]
    after = after_requests(town)
    waiting = town.objects[w, person.at_object].queue_length
    if person.role == WAITING:
        position = queue_position(town, w, a)
        legal[after + PUSH] = position > 0
        legal[after + YIELD] = position == 0 and waiting > 1 and not person.favored
        legal[after + LEAVE] = True
    elif person.role == USING:
        legal[after + RELEASE] = True
    else:
        legal[after + START] = startable(town, layout, rules, w, a) >= 0
        legal[after + LEAVE] = person.role == HOLDING
        legal[after + YIELD] = person.role == HOLDING and waiting > 0 and not person.favored
