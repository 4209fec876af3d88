"""Rivalry: a short ledger of grudges per person, and the conflicts and courtesies that change it."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.rules.personality import AMBITION, FORGIVENESS, trait_factor
from townlet.world.state.arrays import TALLY, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.event_log import record
from townlet.world.state.events import INTENSITY_SUM
from townlet.world.state.layout import TownLayout

_CAUSED = TALLY.index("conflicts_caused")
_SUFFERED = TALLY.index("conflicts_suffered")
_INTENSITY = TALLY.index("intensity_suffered")


@rule
def rivalry_towards(town: TownState, w: int, a: int, other: int) -> float:
    """The strength of a person's grudge against another, 0 without one."""
    if town.people[w, a].grudges > 0:
        for k in range(town.grudges.shape[2]):
            if town.grudges[w, a, k].other == other:
                return float(town.grudges[w, a, k].strength)
    return 0.0


@seldom
def change_rivalry(town: TownState, rules: TownRules, w: int, a: int, other: int, amount: float) -> None:
    """Raise or lower a grudge, within 0 to 1; in a full ledger a new one replaces the weakest if it is stronger."""
    entry = -1
    weakest = 0
    for k in range(town.grudges.shape[2]):
        if town.grudges[w, a, k].other == other:
            entry = k
            break
        if town.grudges[w, a, k].strength < town.grudges[w, a, weakest].strength:
            weakest = k
    if entry < 0:
        # An empty entry has strength 0, so it is always the weakest.
        if amount <= town.grudges[w, a, weakest].strength:
            return
        entry = weakest
        if town.grudges[w, a, entry].other < 0:
            town.people[w, a].grudges += 1
        town.grudges[w, a, entry].other = other
        town.grudges[w, a, entry].strength = 0.0
    set_strength(town, rules, w, a, entry, min(town.grudges[w, a, entry].strength + amount, 1.0))


@rule
def set_strength(town: TownState, rules: TownRules, w: int, a: int, k: int, strength: float) -> None:
    """Set a grudge's strength; at or below ``rivalry_drop`` it is forgotten."""
    grudge = town.grudges[w, a, k]
    forgotten = strength <= rules.rivalry_drop
    grudge.strength = 0.0 if forgotten else strength
    if forgotten:
        grudge.other = -1
        town.people[w, a].grudges -= 1


@rule
def decay_rivalry(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> None:
    """Let every grudge fade by one tick; grudges against people who have left town are forgotten at once."""
    for a in range(town.grudges.shape[1]):
        if town.people[w, a].grudges > 0:
            fade_grudges(town, layout, rules, w, a)


@seldom
def fade_grudges(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Let a person's grudges fade by one tick, faster for a forgiving person."""
    fall = rules.rivalry_decay * trait_factor(layout, rules, a, FORGIVENESS)
    for k in range(town.grudges.shape[2]):
        grudge = town.grudges[w, a, k]
        if grudge.other >= 0:
            gone = not town.alive[w, grudge.other]
            set_strength(town, rules, w, a, k, 0.0 if gone else grudge.strength - fall)


@rule
def forget_all(town: TownState, w: int, a: int) -> None:
    """Clear all of a person's grudges."""
    town.people[w, a].grudges = 0
    for k in range(town.grudges.shape[2]):
        town.grudges[w, a, k].other = -1
        town.grudges[w, a, k].strength = 0.0


@seldom
def conflict(
    town: TownState, layout: TownLayout, rules: TownRules, w: int, kind: int, o: int, actor: int, rival: int
) -> None:
    """Record a queue conflict at an object, in which ``actor`` wrongs ``rival``, and raise the grudges of both.

    Its intensity is the base of its ``kind`` plus ``intensity_per_waiter`` for each waiting person beyond the first,
    within 0.1 to 5. An ambitious rival resents it more.
    """
    queue_length = town.objects[w, o].queue_length
    intensity = rules.conflict_base[kind] + rules.intensity_per_waiter * max(queue_length - 1, 0)
    intensity = min(max(intensity, 0.1), 5.0)
    record(town, w, kind, o, actor, rival, queue_length, intensity, -1)
    town.counter[w, INTENSITY_SUM] += intensity
    town.people[w, actor].caused += intensity
    town.people[w, rival].suffered += intensity
    town.tally[w, actor, _CAUSED] += 1.0
    town.tally[w, rival, _SUFFERED] += 1.0
    town.tally[w, rival, _INTENSITY] += intensity
    resentment = rules.rivalry_increment * intensity * trait_factor(layout, rules, rival, AMBITION)
    change_rivalry(town, rules, w, rival, actor, resentment)
    change_rivalry(town, rules, w, actor, rival, 0.5 * rules.rivalry_increment * intensity)


@seldom
def courtesy(town: TownState, rules: TownRules, w: int, kind: int, o: int, actor: int, other: int) -> None:
    """Record a hand-over or a yield at an object, which lowers the grudges of both people."""
    record(town, w, kind, o, actor, other, town.objects[w, o].queue_length, 0.0, -1)
    change_rivalry(town, rules, w, actor, other, -rules.polite_relief)
    change_rivalry(town, rules, w, other, actor, -rules.polite_relief)
