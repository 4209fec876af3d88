"""The need-driven heuristic: everybody does what relieves them most per tick, and avoids conflict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import DeterministicBehavior
from townlet.behavior.use_value import URGENT, worth_of_going_on, worth_of_use, worth_of_work
from townlet.behavior.walking import step_aside, walk_towards
from townlet.world import Town, TownState
from townlet.world.engine.compile import entry, rule, seldom
from townlet.world.rules.actions import CHAT, LEAVE, RELEASE, REQUEST, START, WAIT, YIELD, after_requests
from townlet.world.rules.relationships import are_rivals, chat_partner
from townlet.world.rules.rivalry import rivalry_towards
from townlet.world.rules.targets import in_reach
from townlet.world.state.arrays import HOLDING, IDLE, USING, WAITING
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout

#: How many times better another use must be for a person to leave a queue for it, and to break off a use.
SWITCH, BREAK_OFF = 1.5, 5.0


class HeuristicBehavior(DeterministicBehavior):
    """Keeps people fed, clean, rested and punctual, without pushing in or keeping others waiting.

    It works in any scenario, because it reads from the rules what objects offer. It needs no training, has no memory
    and always chooses the same in the same state. Unlike a policy, which has only its observation, it knows the whole
    town, other people's needs included.
    """

    name = "heuristic"

    def choose(self, town: Town, action: NDArray[np.int32]) -> None:
        """Choose for everybody by their needs."""
        # Uncompiled draws wrap around.
        with np.errstate(over="ignore"):
            choose_by_need(town.state, town.layout, town.rules, action)


@entry
def choose_by_need(town: TownState, layout: TownLayout, rules: TownRules, action: np.ndarray) -> None:
    """Fill ``action``, int32 [W, A], with a legal action for each person."""
    for w in range(action.shape[0]):
        for a in range(action.shape[1]):
            chosen = decide(town, layout, rules, w, a)
            # In an empty slot, which still has the record of somebody who left, only waiting is legal.
            action[w, a] = chosen if town.mask[w, a, chosen] else WAIT


@seldom
def decide(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """Compare everything that a person could do, and return the next action towards the best of it."""
    person = town.people[w, a]
    after = int(after_requests(town))
    best = -1
    worth = 0.0
    for use in range(rules.affordances):
        each = worth_of(town, layout, rules, w, a, use)
        if each > worth:
            worth = each
            best = use
    t = -1 if best < 0 else int(rules.affordance_type[best])
    if person.role == IDLE:
        return set_out(town, layout, rules, w, a, best, t)
    elsewhere = t >= 0 and t != layout.object_type[person.at_object]
    if person.role == WAITING or person.role == HOLDING:
        stay = worth_here(town, layout, rules, w, a)
        if stay <= 0.0 or (worth > SWITCH * stay and town.target[w, a, t] != person.at_object):
            return after + LEAVE
        return take_turn(town, layout, rules, w, a)
    if person.role == USING:
        go_on = worth_of_going_on(town, layout, rules, w, a)
        release = go_on <= 0.0 or (elsewhere and worth > BREAK_OFF * go_on)
        return after + RELEASE if release else WAIT
    again = t >= 0 and not elsewhere and may_start_over(town, rules, w, a, best)
    return after + START if again else WAIT


@rule
def worth_of(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, use: int) -> float:
    """Relief per tick of an affordance, at the target of a request for its type."""
    t = rules.affordance_type[use]
    if rules.affordance_work[use]:
        o = layout.workplace[a]
        return worth_of_work(town, layout, rules, w, a) if o >= 0 and layout.object_type[o] == t else 0.0
    o = town.target[w, a, t]
    return worth_of_use(town, layout, rules, w, a, use, o) if o >= 0 else 0.0


@rule
def worth_here(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> float:
    """Relief per tick of the best use of the object that a person waits for or holds."""
    o = town.people[w, a].at_object
    best = 0.0
    for use in range(rules.affordances):
        if rules.affordance_type[use] == layout.object_type[o]:
            if not rules.affordance_work[use]:
                best = max(best, worth_of_use(town, layout, rules, w, a, use, o))
            elif layout.workplace[a] == o:
                best = max(best, worth_of_work(town, layout, rules, w, a))
    return best


@rule
def set_out(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, use: int, t: int) -> int:
    """The next action of an idle person towards an object; nobody queues at work before their shift."""
    if use < 0 or town.target[w, a, t] < 0:
        return pass_time(town, layout, rules, w, a)
    o = town.target[w, a, t]
    if not in_reach(town, layout, w, a, o):
        return walk_towards(town, layout, w, a, t, o)
    if rules.affordance_work[use] and not town.people[w, a].arrived:
        return pass_time(town, layout, rules, w, a)
    return int(REQUEST + t)


@rule
def take_turn(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """The action of a person who stays at their object: yield, start, or pass the time."""
    after = int(after_requests(town))
    if town.mask[w, a, after + YIELD] and is_polite(town, layout, rules, w, a):
        return after + YIELD
    if town.people[w, a].role == HOLDING:
        return after + START if town.mask[w, a, after + START] else after + LEAVE
    return chat_or_wait(town, layout, rules, w, a)


@rule
def is_polite(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> bool:
    """Whether to yield to the next in line: to a person in urgent need or a rival, unless one's own need is urgent."""
    person = town.people[w, a]
    o = person.at_object
    other = town.objects[w, o].queue[0 if person.role == HOLDING else 1]
    if o == layout.workplace[a] or lowest_need(town, w, a) < URGENT:
        return False
    rival = rivalry_towards(town, w, a, other) >= rules.avoid_threshold
    return bool(rival or lowest_need(town, w, other) < URGENT)


@rule
def lowest_need(town: TownState, w: int, a: int) -> float:
    """The level of a person's lowest need."""
    needs = town.people[w, a].needs
    return float(min(needs[0], needs[1], needs[2]))


@rule
def may_start_over(town: TownState, rules: TownRules, w: int, a: int, use: int) -> bool:
    """Whether to use an object again: while others wait only for work, and not so long that it is an overstay."""
    thing = town.objects[w, town.people[w, a].at_object]
    if thing.queue_length == 0:
        return True
    return bool(rules.affordance_work[use] and thing.camped + rules.affordance_ticks[use] < rules.fair_use_ticks)


@rule
def pass_time(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """The action of a person with nothing to do: step out of a doorway, chat or wait."""
    aside = step_aside(town, layout, w, a)
    return aside if aside != WAIT else chat_or_wait(town, layout, rules, w, a)


@rule
def chat_or_wait(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """Chat if somebody is there to chat with, but not with a rival, which would only cost trust; else wait."""
    chat = int(after_requests(town) + CHAT)
    if town.mask[w, a, chat]:
        other = chat_partner(town, layout, rules, w, a)
        if other >= 0 and not are_rivals(town, rules, w, a, other):
            return chat
    return WAIT
