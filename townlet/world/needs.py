"""Hunger, hygiene and energy: a linear fall, and the count towards fainting."""

from __future__ import annotations

from townlet.world.compile import rule
from townlet.world.rules import TownRules
from townlet.world.state import TownState


@rule
def decay_needs(town: TownState, rules: TownRules, w: int) -> None:
    """Let everybody's needs fall by one tick, and count the ticks in a row that somebody spends with one at 0."""
    for a in range(town.people.shape[1]):
        if not town.alive[w, a]:
            continue
        person = town.people[w, a]
        lacking = False
        for n in range(3):
            person.needs[n] = max(person.needs[n] - rules.need_decay[n], 0.0)
            if person.needs[n] <= 0.0:
                lacking = True
        person.starving = person.starving + 1 if lacking else 0
