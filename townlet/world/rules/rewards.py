"""Rewards of a tick: their components, their clipped sum, and tallies of both."""

from __future__ import annotations

from townlet.rollout import REWARD_PARTS
from townlet.world.engine.compile import rule, seldom
from townlet.world.state.arrays import TALLY, WAITING, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.events import EVICTION, FAINT

_ALIVE = TALLY.index("alive_ticks")
_REWARD = TALLY.index("reward")
_PARTS = TALLY.index("reward_survival")
_RIVALRY_SUM, _RIVALRY_MAX = TALLY.index("rivalry_max_sum"), TALLY.index("rivalry_max_max")
_AVOID_SUM, _AVOID_MAX = TALLY.index("avoid_count_sum"), TALLY.index("avoid_count_max")
_NEEDS, _WAITING = TALLY.index("needs_sum"), TALLY.index("waiting_ticks")
_CLIPPED = TALLY.index("clipped_rewards")
_N_PARTS = len(REWARD_PARTS)


@rule
def compute_rewards(town: TownState, rules: TownRules, w: int) -> bool:
    """Compute everybody's reward for this tick: its components, their clipped sum, and whether it was clipped.

    Returns whether anybody leaves in this tick or a slot is empty.
    """
    changing = False
    for a in range(town.people.shape[1]):
        parts = town.reward_parts[w, a]
        if not town.alive[w, a]:
            changing = True
            parts[:] = 0.0
            town.clipped[w, a] = False
            town.reward[w, a] = 0.0
            continue
        person = town.people[w, a]
        changing |= person.leaving >= 0
        lack = 0.0
        for n in range(3):
            gap = 1.0 - person.needs[n]
            lack += rules.need_weight[n] * gap * gap
        parts[0] = rules.survival
        parts[1] = 0.0 - lack
        total = rules.survival - lack
        # None of these is ever negative, and usually all are 0.
        more = person.paid + person.penalty + person.caused + person.suffered + person.social
        if (more == 0.0) & (person.grudges == 0) & (person.leaving < 0):
            for i in range(2, _N_PARTS):
                parts[i] = 0.0
        else:
            total = add_rare_parts(town, rules, w, a, total)
        town.clipped[w, a] = abs(total) >= rules.reward_clip
        town.reward[w, a] = min(max(total, -rules.reward_clip), rules.reward_clip)
        tally_person(town, w, a)
    return changing


@seldom
def add_rare_parts(town: TownState, rules: TownRules, w: int, a: int, total: float) -> float:
    """Fill in and tally the components of a person's reward after the first two; returns ``total`` plus their sum."""
    person = town.people[w, a]
    parts = town.reward_parts[w, a]
    tally = town.tally[w, a]
    held = 0.0
    for k in range(town.grudges.shape[2]):
        held += town.grudges[w, a, k].strength
    wages = rules.wage_weight * person.paid
    actor = rules.actor_weight * person.caused
    suffered = rules.suffered_weight * person.suffered
    grudges = rules.rivalry_weight * held
    social = rules.social_weight * person.social
    leaving = cost_of_leaving(town, rules, w, a)
    parts[2] = wages
    parts[3] = 0.0 - person.penalty
    parts[4] = 0.0 - actor
    parts[5] = 0.0 - suffered
    parts[6] = 0.0 - grudges
    parts[7] = social
    parts[8] = 0.0 - leaving
    for i in range(2, _N_PARTS):
        tally[_PARTS + i] += float(parts[i])
    if person.grudges > 0:
        tally_grudges(town, rules, w, a)
    return float(total + wages - person.penalty - actor - suffered - grudges + social - leaving)


@rule
def cost_of_leaving(town: TownState, rules: TownRules, w: int, a: int) -> float:
    """The cost of fainting or being evicted; people who move away by choice pay nothing."""
    kind = town.people[w, a].leaving
    if kind == FAINT:
        return float(rules.faint_cost)
    return float(rules.eviction_cost) if kind == EVICTION else 0.0


@rule
def tally_person(town: TownState, w: int, a: int) -> None:
    """Add this tick's reward, needs and waiting to a person's tallies."""
    person = town.people[w, a]
    tally = town.tally[w, a]
    tally[_ALIVE] += 1.0
    tally[_REWARD] += float(town.reward[w, a])
    tally[_PARTS] += float(town.reward_parts[w, a, 0])
    tally[_PARTS + 1] += float(town.reward_parts[w, a, 1])
    tally[_NEEDS] += (person.needs[0] + person.needs[1] + person.needs[2]) / 3.0
    if person.role == WAITING:
        tally[_WAITING] += 1.0
    if town.clipped[w, a]:
        tally[_CLIPPED] += 1.0


@rule
def tally_grudges(town: TownState, rules: TownRules, w: int, a: int) -> None:
    """Add a person's grudges in this tick to their tallies."""
    tally = town.tally[w, a]
    strongest = 0.0
    rivals = 0.0
    for k in range(town.grudges.shape[2]):
        grudge = town.grudges[w, a, k]
        strongest = max(strongest, grudge.strength)
        if grudge.other >= 0 and grudge.strength >= rules.avoid_threshold:
            rivals += 1.0
    tally[_RIVALRY_SUM] += strongest
    tally[_RIVALRY_MAX] = max(tally[_RIVALRY_MAX], strongest)
    tally[_AVOID_SUM] += rivals
    tally[_AVOID_MAX] = max(tally[_AVOID_MAX], rivals)
