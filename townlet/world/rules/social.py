"""Social life: chats, help for colleagues who are late, and shared meals."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.random import CHAT_OUTCOME, WORLD_STREAM, draw, nth_mover
from townlet.world.rules.actions import CHAT, after_requests
from townlet.world.rules.employment import needs_help
from townlet.world.rules.personality import EXTROVERSION, FORGIVENESS, trait_factor
from townlet.world.rules.queues import finish_turn
from townlet.world.rules.relationships import are_rivals, chat_partner, familiarity_with, strengthen, trust_in
from townlet.world.rules.rivalry import change_rivalry
from townlet.world.state.arrays import TALLY, USING, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.event_log import record
from townlet.world.state.events import CHAT_FAILURE, CHAT_QUALITY, CHAT_SUCCESS, LATE_HELP, SHARED_MEAL
from townlet.world.state.layout import TownLayout

#: Greatest distance in tiles between people who share a meal. A stove or fridge serves one person at a time, so people
#: who eat together stand at different ones, and in a kitchen these are two tiles apart.
MEAL_DISTANCE = 2

_CHATS = TALLY.index("chats")
_QUALITY = TALLY.index("chat_quality_sum")


@rule
def hold_chats(
    town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, order: int, w: int
) -> None:
    """Carry out everybody's chats, in the tick's order."""
    chat = after_requests(town) + CHAT
    for i in range(layout.people):
        a = nth_mover(order, i, layout.people)
        if town.people[w, a].intent == chat:
            begin_chat(town, layout, rules, seed, world, w, a)


@seldom
def begin_chat(town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, w: int, a: int) -> None:
    """Let a person chat with whoever was nearest at the start of the tick, unless that person has walked away since.

    Two people who choose each other have one chat, and both get the cooldown.
    """
    other = chat_partner(town, layout, rules, w, a)
    if other < 0 or tiles_between(town, w, a, other) > 1:
        return
    person = town.people[w, a]
    partner = town.people[w, other]
    ready = town.worlds[w].tick + rules.chat_cooldown
    if partner.intent == person.intent and chat_partner(town, layout, rules, w, other) == a:
        partner.chat_ready_at = ready
    person.chat_ready_at = ready
    if are_rivals(town, rules, w, a, other):
        fail_chat(town, rules, w, a, other)
    elif needs_help(town, layout, rules, w, a, other):
        help_colleague(town, layout, rules, w, a, other)
    else:
        extroversion = 0.5 * (
            trait_factor(layout, rules, a, EXTROVERSION) + trait_factor(layout, rules, other, EXTROVERSION)
        )
        familiarity = 0.5 * (familiarity_with(town, rules, w, a, other) + familiarity_with(town, rules, w, other, a))
        trust = 0.5 * (trust_in(town, rules, w, a, other) + trust_in(town, rules, w, other, a))
        chance = raised(min(rules.chat_base * extroversion, 1.0), familiarity)
        if draw(seed, WORLD_STREAM, world, town.worlds[w].clock, a, CHAT_OUTCOME) < chance:
            quality = raised(0.5 * extroversion, 0.5 * (trust + familiarity))
            enjoy_chat(town, layout, rules, w, a, other, quality)
        else:
            fail_chat(town, rules, w, a, other)


@rule
def tiles_between(town: TownState, w: int, a: int, other: int) -> int:
    """The distance between two people in tiles; a diagonal step counts as one."""
    dx = town.people[w, a].x - town.people[w, other].x
    dy = town.people[w, a].y - town.people[w, other].y
    return int(max(abs(dx), abs(dy)))


@rule
def raised(base: float, share: float) -> float:
    """A level from 0 to 1, raised by a share of its distance to 1."""
    return base + (1.0 - base) * share


@seldom
def enjoy_chat(
    town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, other: int, quality: float
) -> None:
    """Carry out a chat that succeeds: both people's ties grow stronger and their grudges weaker."""
    record(town, w, CHAT_SUCCESS, -1, a, other, 0, 0.0, -1)
    town.counter[w, CHAT_QUALITY] += quality
    for side in range(2):
        one = other if side else a
        another = a if side else other
        town.people[w, one].social += quality
        town.tally[w, one, _CHATS] += 1.0
        town.tally[w, one, _QUALITY] += quality
        strengthen(town, rules, w, one, another, rules.chat_gain * quality, rules.chat_gain)
        relief = rules.reconciliation * quality * trait_factor(layout, rules, one, FORGIVENESS)
        change_rivalry(town, rules, w, one, another, -relief)


@seldom
def fail_chat(town: TownState, rules: TownRules, w: int, a: int, other: int) -> None:
    """Carry out a chat that fails, as all chats between rivals do: it costs both people trust."""
    record(town, w, CHAT_FAILURE, -1, a, other, 0, 0.0, -1)
    strengthen(town, rules, w, a, other, -0.5 * rules.chat_gain, 0.0)
    strengthen(town, rules, w, other, a, -0.5 * rules.chat_gain, 0.0)


@seldom
def help_colleague(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, other: int) -> None:
    """Wake a colleague or remind them of their shift: being late costs them nothing today, and their trust grows."""
    colleague = town.people[w, other]
    record(town, w, LATE_HELP, int(layout.workplace[a]), a, other, 0, 0.0, int(colleague.affordance))
    if colleague.role == USING:
        finish_turn(town, rules, w, other)
    colleague.helped = True
    town.people[w, a].social += 1.0
    strengthen(town, rules, w, other, a, rules.help_gain, rules.chat_gain)
    strengthen(town, rules, w, a, other, 0.0, rules.chat_gain)


@seldom
def share_meal(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Count a meal that ends in this tick as shared with everybody nearby who is still eating.

    One of any two meals ends first, so no two people share the same pair of meals twice.
    """
    person = town.people[w, a]
    for y in range(max(person.y - MEAL_DISTANCE, 0), min(person.y + MEAL_DISTANCE, layout.height - 1) + 1):
        for x in range(max(person.x - MEAL_DISTANCE, 0), min(person.x + MEAL_DISTANCE, layout.width - 1) + 1):
            other = int(town.tile_occupant[w, y * layout.width + x])
            if other < 0 or other == a or town.people[w, other].role != USING:
                continue
            if rules.affordance_meal[town.people[w, other].affordance] and not are_rivals(town, rules, w, a, other):
                record(town, w, SHARED_MEAL, int(person.at_object), a, other, 0, 0.0, -1)
                town.people[w, other].social += 1.0
                person.social += 1.0
                strengthen(town, rules, w, a, other, rules.meal_gain, rules.meal_gain)
                strengthen(town, rules, w, other, a, rules.meal_gain, rules.meal_gain)
