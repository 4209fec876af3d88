"""Relationships: a short ledger of ties per person, whose trust and familiarity fade with time."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.rules.employment import needs_help
from townlet.world.rules.rivalry import rivalry_towards
from townlet.world.state.arrays import USING, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout
from townlet.world.state.occupancy import is_adjacent, person_in_view


@rule
def find_tie(town: TownState, w: int, a: int, other: int) -> int:
    """The entry of a tie in a person's ledger, or −1; a tie with somebody who had the slot before does not count."""
    if town.people[w, a].ties > 0:
        for k in range(town.ties.shape[2]):
            tie = town.ties[w, a, k]
            if tie.other == other and tie.generation == town.people[w, other].generation:
                return k
    return -1


@rule
def faded(town: TownState, rules: TownRules, w: int, level: float, since: int) -> float:
    """What is left now of a level that was set at the clock ``since``."""
    return float(max(level - rules.tie_decay * (town.worlds[w].clock - since), 0.0))


@rule
def trust_in(town: TownState, rules: TownRules, w: int, a: int, other: int) -> float:
    """A person's trust in another, 0 to 1."""
    k = find_tie(town, w, a, other)
    return faded(town, rules, w, town.ties[w, a, k].trust, town.ties[w, a, k].since) if k >= 0 else 0.0


@rule
def familiarity_with(town: TownState, rules: TownRules, w: int, a: int, other: int) -> float:
    """A person's familiarity with another, 0 to 1."""
    k = find_tie(town, w, a, other)
    return faded(town, rules, w, town.ties[w, a, k].familiarity, town.ties[w, a, k].since) if k >= 0 else 0.0


@seldom
def strengthen(town: TownState, rules: TownRules, w: int, a: int, other: int, trust: float, familiarity: float) -> None:
    """Change a person's trust in and familiarity with another, both within 0 to 1.

    Ties at 0 and ties with people who have left are dropped. In a full ledger a new tie replaces the weakest, by the
    sum of trust and familiarity, if it is stronger.
    """
    entry = -1
    weakest = 0
    least = 3.0
    for k in range(town.ties.shape[2]):
        refresh(town, rules, w, a, k)
        tie = town.ties[w, a, k]
        if tie.other == other:
            entry = k
        if tie.trust + tie.familiarity < least:
            weakest = k
            least = tie.trust + tie.familiarity
    if entry < 0:
        if min(max(trust, 0.0), 1.0) + min(max(familiarity, 0.0), 1.0) <= least:
            return
        entry = weakest
        if town.ties[w, a, entry].other >= 0:
            drop_tie(town, w, a, entry)
        town.people[w, a].ties += 1
    tie = town.ties[w, a, entry]
    tie.other = other
    tie.generation = town.people[w, other].generation
    tie.since = town.worlds[w].clock
    tie.trust = min(max(tie.trust + trust, 0.0), 1.0)
    tie.familiarity = min(max(tie.familiarity + familiarity, 0.0), 1.0)
    refresh(town, rules, w, a, entry)


@rule
def refresh(town: TownState, rules: TownRules, w: int, a: int, k: int) -> None:
    """Bring an entry of the ledger up to date; a tie that has faded, or whose other person has left, is dropped."""
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
    """Whether the grudge of either of two people against the other is at or above the avoid threshold."""
    grudge = max(rivalry_towards(town, w, a, other), rivalry_towards(town, w, other, a))
    return bool(grudge >= rules.avoid_threshold)


@rule
def chat_partner(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> int:
    """The person a chat would be with, or −1: the nearest on the eight tiles around who is free to chat.

    Somebody who uses an object is not free, unless they are a colleague whom the chat helps to get to work. Nobody can
    chat while they use an object or until their own cooldown is over.
    """
    person = town.people[w, a]
    if person.role == USING or town.worlds[w].tick < person.chat_ready_at:
        return -1
    for i in range(person.neighbor_count):
        key = town.neighbors[w, a, i]
        if not is_adjacent(key):
            break
        other = person_in_view(key)
        if town.people[w, other].role != USING or needs_help(town, layout, rules, w, a, other):
            return other
    return -1
