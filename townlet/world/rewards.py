"""Reward: what a tick was worth to each person, component by component."""

from __future__ import annotations

from townlet.rollout import REWARD_PARTS
from townlet.world.compile import rule
from townlet.world.rules import TownRules
from townlet.world.state import TALLY, WAITING, TownState

_ALIVE = TALLY.index("alive_ticks")
_REWARD = TALLY.index("reward")
_PARTS = TALLY.index("reward_survival")
_RIVALRY_SUM, _RIVALRY_MAX = TALLY.index("rivalry_max_sum"), TALLY.index("rivalry_max_max")
_AVOID_SUM, _AVOID_MAX = TALLY.index("avoid_count_sum"), TALLY.index("avoid_count_max")
_NEEDS, _WAITING = TALLY.index("needs_sum"), TALLY.index("waiting_ticks")
_CLIPPED = TALLY.index("clipped_rewards")
_N_PARTS = len(REWARD_PARTS)


@rule
def compute_rewards(town: TownState, rules: TownRules, w: int) -> None:
    """Reward of everybody for this tick: its components, their clipped sum, and whether it sits on the clip."""
    for a in range(town.people.shape[1]):
        person = town.people[w, a]
        parts = person.reward_parts
        parts[:] = 0.0
        person.clipped = False
        person.reward = 0.0
        if not person.alive:
            continue
        lack = 0.0
        for n in range(3):
            gap = 1.0 - person.needs[n]
            lack += rules.need_weight[n] * gap * gap
        held = 0.0
        for k in range(town.grudges.shape[2]):
            held += town.grudges[w, a, k].strength
        wages = rules.wage_weight * person.paid
        actor = rules.actor_weight * person.caused
        suffered = rules.suffered_weight * person.suffered
        grudges = rules.rivalry_weight * held
        total = rules.survival - lack + wages - person.penalty - actor - suffered - grudges
        parts[0] = rules.survival
        parts[1] = 0.0 - lack
        parts[2] = wages
        parts[3] = 0.0 - person.penalty
        parts[4] = 0.0 - actor
        parts[5] = 0.0 - suffered
        parts[6] = 0.0 - grudges
        person.clipped = abs(total) >= rules.reward_clip
        person.reward = min(max(total, -rules.reward_clip), rules.reward_clip)
        tally_person(town, rules, w, a)


@rule
def tally_person(town: TownState, rules: TownRules, w: int, a: int) -> None:
    """Add this tick to a person's tallies."""
    person = town.people[w, a]
    tally = town.tally[w, a]
    strongest = 0.0
    rivals = 0.0
    for k in range(town.grudges.shape[2]):
        grudge = town.grudges[w, a, k]
        strongest = max(strongest, grudge.strength)
        if grudge.other >= 0 and grudge.strength >= rules.avoid_threshold:
            rivals += 1.0
    tally[_ALIVE] += 1.0
    tally[_REWARD] += float(person.reward)
    for i in range(_N_PARTS):
        tally[_PARTS + i] += float(person.reward_parts[i])
    tally[_RIVALRY_SUM] += strongest
    tally[_RIVALRY_MAX] = max(tally[_RIVALRY_MAX], strongest)
    tally[_AVOID_SUM] += rivals
    tally[_AVOID_MAX] = max(tally[_AVOID_MAX], rivals)
    tally[_NEEDS] += (person.needs[0] + person.needs[1] + person.needs[2]) / 3.0
    tally[_WAITING] += 1.0 if person.role == WAITING else 0.0
    tally[_CLIPPED] += 1.0 if person.clipped else 0.0
