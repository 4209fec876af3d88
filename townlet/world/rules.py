"""The rules' constants as flat tuples of numbers, the form in which compiled rules take them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.config.scenario import Scenario
from townlet.config.town import NEEDS

NO_COUNTER, SHOWER_COMPLETE, SLEEP_COMPLETE = 0, 1, 2
_COUNTERS = {None: NO_COUNTER, "shower_complete": SHOWER_COMPLETE, "sleep_complete": SLEEP_COMPLETE}


class TownRules(NamedTuple):
    """Constants of all rules; per-need arrays are in the order hunger, hygiene, energy."""

    ticks: int
    ticks_per_day: int
    need_decay: NDArray[np.float64]
    start_jitter: float
    faint_after: int
    newcomer_after: int
    affordance_type: NDArray[np.int64]
    """int64 [affordances]: object type that offers it."""
    affordance_ticks: NDArray[np.int64]
    affordance_effect: NDArray[np.float64]
    """float64 [affordances, 3]: change per tick."""
    affordance_below: NDArray[np.float64]
    """float64 [affordances, 3]: start only while the need is below; 2 where there is no such condition."""
    affordance_work: NDArray[np.bool_]
    affordance_counter: NDArray[np.int64]
    cooldown_ticks: int
    ghost_step_after: int
    fair_use_ticks: int
    age_priority_weight: float
    conflict_base: NDArray[np.float64]
    """float64 [4], by conflict kind."""
    intensity_per_waiter: float
    rivalry_increment: float
    rivalry_decay: float
    polite_relief: float
    rivalry_drop: float
    avoid_threshold: float
    due_before: int
    grace_ticks: int
    absent_after: int
    lateness_penalty: float
    survival: float
    need_weight: NDArray[np.float64]
    wage_weight: float
    actor_weight: float
    suffered_weight: float
    rivalry_weight: float
    reward_clip: float


def build_rules(scenario: Scenario) -> TownRules:
    """The constants of a scenario."""
    rules = scenario.rules
    needs, queue, rivalry, work, reward = rules.needs, rules.queue, rules.rivalry, rules.employment, rules.reward
    uses = list(scenario.affordances.values())
    types = {name: index for index, name in enumerate(scenario.object_types)}
    per_tick = [[use.effects.get(need, 0.0) / use.ticks for need in NEEDS] for use in uses]
    below = [[use.when_below.get(need, 2.0) for need in NEEDS] for use in uses]
    base = queue.intensity
    return TownRules(
        ticks=scenario.ticks,
        ticks_per_day=scenario.ticks_per_day,
        need_decay=np.array([needs.decay.get(need, 0.0) for need in NEEDS], np.float64),
        start_jitter=needs.start_jitter,
        faint_after=needs.faint_after,
        newcomer_after=needs.newcomer_after,
        affordance_type=np.array([types[use.object] for use in uses], np.int64),
        affordance_ticks=np.array([use.ticks for use in uses], np.int64),
        affordance_effect=np.array(per_tick, np.float64).reshape(-1, len(NEEDS)),
        affordance_below=np.array(below, np.float64).reshape(-1, len(NEEDS)),
        affordance_work=np.array([use.work for use in uses], np.bool_),
        affordance_counter=np.array([_COUNTERS[use.counts_as] for use in uses], np.int64),
        cooldown_ticks=queue.cooldown_ticks,
        ghost_step_after=queue.ghost_step_after,
        fair_use_ticks=queue.fair_use_ticks,
        age_priority_weight=queue.age_priority_weight,
        conflict_base=np.array([base.ghost_step, base.push_in, base.overstay, base.contested_arrival], np.float64),
        intensity_per_waiter=queue.intensity_per_waiter,
        rivalry_increment=rivalry.increment_per_conflict,
        rivalry_decay=rivalry.decay_per_tick,
        polite_relief=rivalry.polite_relief,
        rivalry_drop=rivalry.drop_below,
        avoid_threshold=rivalry.avoid_threshold,
        due_before=work.due_before,
        grace_ticks=work.grace_ticks,
        absent_after=work.absent_after,
        lateness_penalty=work.lateness_penalty,
        survival=reward.survival,
        need_weight=np.array([reward.need_weights.get(need, 0.0) for need in NEEDS], np.float64),
        wage_weight=reward.wage,
        actor_weight=reward.conflict_actor,
        suffered_weight=reward.conflict_suffered,
        rivalry_weight=reward.rivalry,
        reward_clip=reward.clip,
    )
