"""A need-driven heuristic that avoids conflict: everybody does what relieves most per tick, and takes turns kindly."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.utility import (
    URGENT,
    worth_of_going_on,
    worth_of_use,
    worth_of_work,
)
from townlet.behavior.walking import step_aside, walk_towards
from townlet.world import Town, TownState
from townlet.world.engine.compile import entry, rule, seldom
from townlet.world.rules.actions import CHAT, LEAVE, RELEASE, REQUEST, START, WAIT, YIELD
from townlet.world.rules.relationships import are_rivals, chat_partner
from townlet.world.rules.rivalry import rivalry_towards
from townlet.world.rules.targets import in_reach
from townlet.world.state.arrays import HOLDING, IDLE, USING, WAITING
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout

#: How many times better something else must be before a person gives up a place for it, and before it breaks off a use.
SWITCH, BREAK_OFF = 1.5, 5.0


class HeuristicBehavior:
    """Keeps people fed, clean, rested and at work on time, without pushing in or keeping others waiting.

    It works in any scenario, because it reads what objects offer from the rules. It needs no training, keeps no memory
    and always chooses the same in the same state; unlike a policy, which has only its observation, it knows the whole
    town, other people's needs included.
    """

    name = "heuristic"
    deterministic = True

    def act(
        self,
        town: Town,
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody; see :class:`townlet.behavior.base.Behavior`."""
        # Uncompiled draws wrap around.
        with np.errstate(over="ignore"):
            choose_by_need(town.state, town.layout, town.rules, action)
        log_prob[:] = 0.0
        value[:] = math.nan


@entry
def choose_by_need(town: TownState, layout: TownLayout, rules: TownRules, action: np.ndarray) -> None:
    """The action of each person, int32 [W, A]; always a legal one."""
    for w in range(action.shape[0]):
        for a in range(action.shape[1]):
            chosen = decide(town, layout, rules, w, a)
            # In an empty slot, whose record is of somebody who left, nothing else is legal.
            action[w, a] = chosen if town.mask[w, a, chosen] else WAIT


@seldom
def decide(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """Weigh everything that a person could do, and take the next step towards the best of it."""
    person = town.people[w, a]
    after: int = REQUEST + town.target.shape[2]
    best = -1
    worth = 0.0
    for use in range(rules.affordances):
        each = worth_of(town, layout, rules, w, a, use)
        if each > worth:
            worth = each
            best = use
    kind = -1 if best < 0 else int(rules.affordance_type[best])
    if person.role == IDLE:
        return set_out(town, layout, rules, w, a, best, kind)
    elsewhere = kind >= 0 and kind != layout.object_type[person.at_object]
    if person.role == WAITING or person.role == HOLDING:
        stay = worth_here(town, layout, rules, w, a)
        if stay <= 0.0 or (worth > SWITCH * stay and town.target[w, a, kind] != person.at_object):
            return after + LEAVE
        return take_turn(town, layout, rules, w, a)
    if person.role == USING:
        go_on = worth_of_going_on(town, layout, rules, w, a)
        release = go_on <= 0.0 or (elsewhere and worth > BREAK_OFF * go_on)
        return after + RELEASE if release else WAIT
    again = kind >= 0 and not elsewhere and may_start_over(town, rules, w, a, best)
    return after + START if again else WAIT


@rule
def worth_of(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, use: int) -> float:
    """Relief per tick of an affordance, at the object that a request for its type is for."""
    kind = rules.affordance_type[use]
    if rules.affordance_work[use]:
        place = layout.workplace[a]
        return worth_of_work(town, layout, rules, w, a) if place >= 0 and layout.object_type[place] == kind else 0.0
    thing = town.target[w, a, kind]
    return worth_of_use(town, layout, rules, w, a, use, thing) if thing >= 0 else 0.0


@rule
def worth_here(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> float:
    """The best that the object can offer for which a person waits or which it holds."""
    thing = town.people[w, a].at_object
    best = 0.0
    for use in range(rules.affordances):
        if rules.affordance_type[use] == layout.object_type[thing]:
            if not rules.affordance_work[use]:
                best = max(best, worth_of_use(town, layout, rules, w, a, use, thing))
            elif layout.workplace[a] == thing:
                best = max(best, worth_of_work(town, layout, rules, w, a))
    return best


@rule
def set_out(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, use: int, kind: int) -> int:
    """The next step of somebody with its hands free towards an object; nobody queues at work before the shift."""
    if use < 0 or town.target[w, a, kind] < 0:
        return pass_time(town, layout, rules, w, a)
    thing = town.target[w, a, kind]
    if not in_reach(town, layout, w, a, thing):
        return walk_towards(town, layout, w, a, kind, thing)
    if rules.affordance_work[use] and not town.people[w, a].arrived:
        return pass_time(town, layout, rules, w, a)
    return int(REQUEST + kind)


@rule
def take_turn(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """What somebody with a place worth keeping does: begin its turn, let another go first, or pass the time."""
    after: int = REQUEST + town.target.shape[2]
    if town.mask[w, a, after + YIELD] and is_polite(town, layout, rules, w, a):
        return after + YIELD
    if town.people[w, a].role == HOLDING:
        return after + START if town.mask[w, a, after + START] else after + LEAVE
    return chat_or_wait(town, layout, rules, w, a)


@rule
def is_polite(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> bool:
    """Whether to let the next in line go first: one who is worse off, or a rival, unless the own needs are urgent."""
    person = town.people[w, a]
    thing = person.at_object
    other = town.objects[w, thing].queue[0 if person.role == HOLDING else 1]
    if thing == layout.workplace[a] or lowest_need(town, w, a) < URGENT:
        return False
    rival = rivalry_towards(town, w, a, other) >= rules.avoid_threshold
    return bool(rival or lowest_need(town, w, other) < URGENT)


@rule
def lowest_need(town: TownState, w: int, a: int) -> float:
    """Level of the need that a person lacks most."""
    needs = town.people[w, a].needs
    return float(min(needs[0], needs[1], needs[2]))


@rule
def may_start_over(town: TownState, rules: TownRules, w: int, a: int, use: int) -> bool:
    """Whether to use an object once more: not before others for so long that it is an overstay, and only for work."""
    queue = town.objects[w, town.people[w, a].at_object]
    if queue.queue_length == 0:
        return True
    return bool(rules.affordance_work[use] and queue.camped + rules.affordance_ticks[use] < rules.fair_use_ticks)


@rule
def pass_time(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """What to do with nothing to do: make way, or chat."""
    aside = step_aside(town, layout, w, a)
    return aside if aside != WAIT else chat_or_wait(town, layout, rules, w, a)


@rule
def chat_or_wait(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """Chat with whoever stands near, unless it is a rival: that would only cost trust."""
    chat = int(REQUEST + town.target.shape[2] + CHAT)
    if town.mask[w, a, chat]:
        other = chat_partner(town, layout, rules, w, a)
        if other >= 0 and not are_rivals(town, rules, w, a, other):
            return chat
    return WAIT
