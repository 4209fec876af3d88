"""Grudges: a short ledger per person, strongest first to matter and weakest first to go."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.rules.personality import AMBITION, FORGIVENESS, trait_factor
from townlet.world.state.arrays import TALLY, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.events import CONFLICT_INTENSITY
from townlet.world.state.layout import TownLayout
from townlet.world.state.record import record

_CAUSED = TALLY.index("conflicts_caused")
_SUFFERED = TALLY.index("conflicts_suffered")
_INTENSITY = TALLY.index("intensity_suffered")


@rule
def rivalry_towards(town: TownState, w: int, person: int, other: int) -> float:
    """Strength of one person's grudge against another, 0 without one."""
    if town.people[w, person].grudges > 0:
        for k in range(town.grudges.shape[2]):
            if town.grudges[w, person, k].other == other:
                return float(town.grudges[w, person, k].strength)
    return 0.0


@seldom
def change_rivalry(town: TownState, rules: TownRules, w: int, person: int, other: int, amount: float) -> None:
    """Raise or lower a grudge, within 0 to 1; with no room for a new one, it replaces the weakest if stronger."""
    slot = -1
    weakest = 0
    for k in range(town.grudges.shape[2]):
        if town.grudges[w, person, k].other == other:
            slot = k
            break
        if town.grudges[w, person, k].strength < town.grudges[w, person, weakest].strength:
            weakest = k
    if slot < 0:
        # An empty slot has strength 0, so it is always the weakest.
        if amount <= town.grudges[w, person, weakest].strength:
            return
        slot = weakest
        if town.grudges[w, person, slot].other < 0:
            town.people[w, person].grudges += 1
        town.grudges[w, person, slot].other = other
        town.grudges[w, person, slot].strength = 0.0
    settle(town, rules, w, person, slot, min(town.grudges[w, person, slot].strength + amount, 1.0))


@rule
def settle(town: TownState, rules: TownRules, w: int, person: int, slot: int, strength: float) -> None:
    """Set a grudge's strength; one at or below the forgetting threshold is dropped."""
    grudge = town.grudges[w, person, slot]
    forgotten = strength <= rules.rivalry_drop
    grudge.strength = 0.0 if forgotten else strength
    if forgotten:
        grudge.other = -1
        town.people[w, person].grudges -= 1


@rule
def decay_rivalry(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> None:
    """Let every grudge fade by one tick; grudges against somebody who is gone are forgotten at once."""
    for a in range(town.grudges.shape[1]):
        if town.people[w, a].grudges > 0:
            fade(town, layout, rules, w, a)


@seldom
def fade(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Let a person's grudges fade by one tick; the more forgiving it is, the sooner they are gone."""
    fall = rules.rivalry_decay * trait_factor(layout, rules, a, FORGIVENESS)
    for k in range(town.grudges.shape[2]):
        grudge = town.grudges[w, a, k]
        if grudge.other >= 0:
            gone = not town.alive[w, grudge.other]
            settle(town, rules, w, a, k, 0.0 if gone else grudge.strength - fall)


@rule
def forget_all(town: TownState, w: int, a: int) -> None:
    """Clear a person's grudges."""
    town.people[w, a].grudges = 0
    for k in range(town.grudges.shape[2]):
        town.grudges[w, a, k].other = -1
        town.grudges[w, a, k].strength = 0.0


@seldom
def conflict(
    town: TownState,
    layout: TownLayout,
    rules: TownRules,
    w: int,
    kind: int,
    thing: int,
    actor: int,
    rival: int,
    queue_length: int,
) -> None:
    """Record a queue conflict of ``actor`` against the wronged ``rival`` and what it does to both.

    The more ambitious the wronged side is, the more it resents it.
    """
    intensity = rules.conflict_base[kind] + rules.intensity_per_waiter * max(queue_length - 1, 0)
    intensity = min(max(intensity, 0.1), 5.0)
    record(town, w, kind, thing, actor, rival, queue_length, -1)
    town.events[w, town.worlds[w].event_count - 1].intensity = intensity
    town.counter[w, CONFLICT_INTENSITY] += intensity
    town.people[w, actor].caused += intensity
    town.people[w, rival].suffered += intensity
    town.tally[w, actor, _CAUSED] += 1.0
    town.tally[w, rival, _SUFFERED] += 1.0
    town.tally[w, rival, _INTENSITY] += intensity
    resentment = rules.rivalry_increment * intensity * trait_factor(layout, rules, rival, AMBITION)
    change_rivalry(town, rules, w, rival, actor, resentment)
    change_rivalry(town, rules, w, actor, rival, 0.5 * rules.rivalry_increment * intensity)


@seldom
def courtesy(
    town: TownState, rules: TownRules, w: int, kind: int, thing: int, actor: int, other: int, queue_length: int
) -> None:
    """Record a hand-over or a giving way, which relieves both sides' grudges."""
    record(town, w, kind, thing, actor, other, queue_length, -1)
    change_rivalry(town, rules, w, actor, other, -rules.polite_relief)
    change_rivalry(town, rules, w, other, actor, -rules.polite_relief)
