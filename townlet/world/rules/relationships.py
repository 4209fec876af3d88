"""Ties: trust and familiarity between people, a short ledger each, fading with time."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.rules.employment import needs_help
from townlet.world.rules.rivalry import rivalry_towards
from townlet.world.state.arrays import USING, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout
from townlet.world.state.occupancy import seen_adjacent, seen_person


@rule
def find_tie(town: TownState, w: int, a: int, other: int) -> int:
    """Place of a tie in somebody's ledger, or −1; a tie with a former occupant of the slot does not count."""
    if town.people[w, a].ties > 0:
        for k in range(town.ties.shape[2]):
            tie = town.ties[w, a, k]
            if tie.other == other and tie.generation == town.people[w, other].generation:
                return k
    return -1


@rule
def faded(town: TownState, rules: TownRules, w: int, level: float, since: int) -> float:
    """What is left of a level that somebody had at an earlier clock."""
    return float(max(level - rules.tie_decay * (town.worlds[w].clock - since), 0.0))


@rule
def trust_in(town: TownState, rules: TownRules, w: int, a: int, other: int) -> float:
    """How much somebody trusts somebody else, 0 to 1."""
    k = find_tie(town, w, a, other)
    return faded(town, rules, w, town.ties[w, a, k].trust, town.ties[w, a, k].since) if k >= 0 else 0.0


@rule
def familiarity_with(town: TownState, rules: TownRules, w: int, a: int, other: int) -> float:
    """How well somebody knows somebody else, 0 to 1."""
    k = find_tie(town, w, a, other)
    return faded(town, rules, w, town.ties[w, a, k].familiarity, town.ties[w, a, k].since) if k >= 0 else 0.0


@seldom
def strengthen(town: TownState, rules: TownRules, w: int, a: int, other: int, trust: float, familiarity: float) -> None:
    """Change somebody's trust in and familiarity with somebody else, both within 0 to 1.

    A tie at 0 and one with a former occupant of a slot are dropped. With no room for a new tie, it replaces the
    weakest, by the sum of trust and familiarity, if it is stronger.
    """
    place = -1
    weakest = 0
    least = 3.0
    for k in range(town.ties.shape[2]):
        refresh(town, rules, w, a, k)
        tie = town.ties[w, a, k]
        if tie.other == other:
            place = k
        if tie.trust + tie.familiarity < least:
            weakest = k
            least = tie.trust + tie.familiarity
    if place < 0:
        if min(max(trust, 0.0), 1.0) + min(max(familiarity, 0.0), 1.0) <= least:
            return
        place = weakest
        if town.ties[w, a, place].other >= 0:
            drop_tie(town, w, a, place)
        town.people[w, a].ties += 1
    tie = town.ties[w, a, place]
    tie.other = other
    tie.generation = town.people[w, other].generation
    tie.since = town.worlds[w].clock
    tie.trust = min(max(tie.trust + trust, 0.0), 1.0)
    tie.familiarity = min(max(tie.familiarity + familiarity, 0.0), 1.0)
    refresh(town, rules, w, a, place)


@rule
def refresh(town: TownState, rules: TownRules, w: int, a: int, k: int) -> None:
    """Bring an entry of the ledger up to date; nothing is left in one that is empty, void or faded."""
    tie = town.ties[w, a, k]
    if tie.other >= 0 and tie.generation == town.people[w, tie.other].generation:
        tie.trust = faded(town, rules, w, tie.trust, tie.since)
        tie.familiarity = faded(town, rules, w, tie.familiarity, tie.since)
        tie.since = town.worlds[w].clock
        if tie.trust + tie.familiarity > 0.0:
            return
    drop_tie(town, w, a, k)


@rule
def drop_tie(town: TownState, w: int, a: int, k: int) -> None:
    """Empty an entry of the ledger."""
    tie = town.ties[w, a, k]
    town.people[w, a].ties -= tie.other >= 0
    tie.other = -1
    tie.generation = 0
    tie.since = 0
    tie.trust = 0.0
    tie.familiarity = 0.0


@rule
def are_rivals(town: TownState, rules: TownRules, w: int, a: int, other: int) -> bool:
    """Whether either of two people has a grudge against the other that is at or above the avoid threshold."""
    grudge = max(rivalry_towards(town, w, a, other), rivalry_towards(town, w, other, a))
    return bool(grudge >= rules.avoid_threshold)


@rule
def chat_partner(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """Whom a chat would be with: the nearest on the tiles around who is free to, or −1 without, or not yet again.

    Somebody who is using an object is not, except a colleague whom the chat helps to come to work.
    """
    person = town.people[w, a]
    if person.role == USING or town.worlds[w].tick < person.chat_ready_at:
        return -1
    for i in range(person.seen):
        key = town.near[w, a, i]
        if not seen_adjacent(key):
            break
        other = seen_person(key)
        if town.people[w, other].role != USING or needs_help(town, layout, rules, w, a, other):
            return other
    return -1
