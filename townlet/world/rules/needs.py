"""Needs: hunger, hygiene and energy, which fall tick by tick; fainting, and the ticks in which people are unhappy."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.state.arrays import TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.events import FAINT


@rule
def decay_needs(town: TownState, rules: TownRules, w: int) -> bool:
    """Let everybody's needs fall by one tick; people with a need at 0 for too long faint.

    A person is unhappy while their needs average less than ``departure_mood``. Returns whether anybody has been unhappy
    for long enough to move away.
    """
    least_sum = 3.0 * rules.departure_mood
    wants_to_leave = False
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
        if person.starving >= rules.faint_after:
            person.leaving = FAINT
        if rules.departure_after > 0:
            low = person.needs[0] + person.needs[1] + person.needs[2] < least_sum
            person.unhappy = person.unhappy + 1 if low else 0
            wants_to_leave |= person.unhappy >= rules.departure_after
    return wants_to_leave
