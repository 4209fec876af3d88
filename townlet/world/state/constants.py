"""The rules' constants as one record of numbers, the form in which compiled rules read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from townlet.config.expressions import MAX_OPERATIONS, Program, parse_expression
from townlet.config.town import NEEDS
from townlet.world.engine.preconditions import pack_programs

if TYPE_CHECKING:
    from townlet.config.rules import (
        LifecycleRules,
        NeedsRules,
        PerturbationRules,
        QueueRules,
        RelationshipRules,
        RewardRules,
        RivalryRules,
        RulesConfig,
    )
    from townlet.config.scenario import Scenario

NO_COUNTER, SHOWER_COMPLETE, SLEEP_COMPLETE = 0, 1, 2
_COUNTERS = {None: NO_COUNTER, "shower_complete": SHOWER_COMPLETE, "sleep_complete": SLEEP_COMPLETE}

NO_UTILITY, POWER, WATER = 0, 1, 2
_UTILITIES = {None: NO_UTILITY, "power": POWER, "water": WATER}

#: Indices of the perturbations in the arrays below.
OUTAGE_OF_POWER, OUTAGE_OF_WATER, SPIKE_OF_PRICES, CLOSURE_OF_OBJECT = 0, 1, 2, 3

#: The most affordances and object types that a scenario can have, and operations of all preconditions together.
MOST_AFFORDANCES, MOST_TYPES, MOST_OPERATIONS = 62, 62, 62 * MAX_OPERATIONS

#: Constants of all rules; per-need arrays are in the order hunger, hygiene, energy.
RULES = np.dtype(
    [
        ("ticks", np.int64),
        ("ticks_per_day", np.int64),
        ("need_decay", np.float64, (3,)),
        ("start_jitter", np.float64),
        ("faint_after", np.int64),
        ("newcomer_after", np.int64),
        ("affordances", np.int64),  # how many of the entries below count
        ("affordance_type", np.int64, (MOST_AFFORDANCES,)),  # object type that offers it
        ("affordance_ticks", np.int64, (MOST_AFFORDANCES,)),
        ("affordance_effect", np.float64, (MOST_AFFORDANCES, 3)),  # change per tick
        ("affordance_work", np.int64, (MOST_AFFORDANCES,)),  # 1 for work, else 0
        ("affordance_counter", np.int64, (MOST_AFFORDANCES,)),  # NO_COUNTER, SHOWER_COMPLETE or SLEEP_COMPLETE
        ("affordance_price", np.float64, (MOST_AFFORDANCES,)),
        ("affordance_stock", np.int64, (MOST_AFFORDANCES,)),  # units of the object's stock that it takes, 0 or 1
        ("affordance_utility", np.int64, (MOST_AFFORDANCES,)),  # NO_UTILITY, POWER or WATER
        ("affordance_meal", np.int64, (MOST_AFFORDANCES,)),  # 1 for meals, else 0
        ("when_start", np.int64, (MOST_AFFORDANCES + 1,)),  # first operation of its precondition
        ("when_code", np.int64, (MOST_OPERATIONS,)),
        ("when_operand", np.float64, (MOST_OPERATIONS,)),
        ("type_utility", np.int64, (MOST_TYPES,)),  # utility that all of the type's affordances need
        ("type_stock", np.int64, (MOST_TYPES,)),  # units per day of each object of the type; 0 if it sells nothing
        ("cooldown_ticks", np.int64),
        ("ghost_step_after", np.int64),
        ("fair_use_ticks", np.int64),
        ("age_priority_weight", np.float64),
        ("conflict_base", np.float64, (4,)),  # by conflict kind
        ("intensity_per_waiter", np.float64),
        ("patience_ticks", np.int64),
        ("impatience", np.float64),
        ("rivalry_increment", np.float64),
        ("rivalry_decay", np.float64),
        ("polite_relief", np.float64),
        ("rivalry_drop", np.float64),
        ("avoid_threshold", np.float64),
        ("due_before", np.int64),
        ("grace_ticks", np.int64),
        ("absent_after", np.int64),
        ("lateness_penalty", np.float64),
        ("late_help", np.bool_),
        ("takeover", np.bool_),
        ("personality", np.float64),
        ("start_wallet", np.float64),
        ("rent", np.float64),
        ("ties", np.bool_),  # whether people chat, share meals and help
        ("tie_decay", np.float64),
        ("chat_cooldown", np.int64),
        ("chat_base", np.float64),
        ("chat_gain", np.float64),
        ("shared_meals", np.bool_),
        ("meal_gain", np.float64),
        ("help_gain", np.float64),
        ("reconciliation", np.float64),
        ("event_chance", np.float64, (4,)),  # per day: outage of power, of water, price spike, closure
        ("event_ticks", np.int64, (4,)),
        ("price_factor", np.float64),
        ("closed_type", np.int64),  # type of object that closures affect, -1 without one
        ("eviction_debt", np.float64),
        ("departure_after", np.int64),
        ("departure_mood", np.float64),
        ("most_leaving", np.int64),
        ("most_arriving", np.int64),
        ("survival", np.float64),
        ("need_weight", np.float64, (3,)),
        ("wage_weight", np.float64),
        ("actor_weight", np.float64),
        ("suffered_weight", np.float64),
        ("rivalry_weight", np.float64),
        ("social_weight", np.float64),
        ("faint_cost", np.float64),
        ("eviction_cost", np.float64),
        ("absence_cost", np.float64),
        ("reward_clip", np.float64),
    ],
    align=True,
)

#: A record of RULES: passing it to a rule takes one machine word, however many constants there are.
TownRules = Any


def build_rules(scenario: Scenario) -> NDArray[Any]:
    """The constants of a scenario: RULES [1]."""
    rules, types = scenario.rules, list(scenario.object_types)
    values: dict[str, Any] = {
        "ticks": scenario.ticks,
        "ticks_per_day": scenario.ticks_per_day,
        "personality": rules.personality.strength,
        **_affordance_constants(scenario, types),
        **_need_constants(rules.needs),
        **_queue_constants(rules.queue),
        **_rivalry_constants(rules.rivalry),
        **_work_and_money_constants(rules),
        **_relationship_constants(rules.relationships),
        **_perturbation_constants(rules.perturbations, types),
        **_lifecycle_constants(rules.lifecycle),
        **_reward_constants(rules.reward),
    }
    table = np.zeros(1, RULES).view(np.recarray)
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            table[name][0].reshape(-1)[: value.size] = value.reshape(-1)
        else:
            table[name][0] = value
    return table


def _affordance_constants(scenario: Scenario, types: list[str]) -> dict[str, Any]:
    """The constants of affordances and of the object types that offer them."""
    uses = list(scenario.affordances.values())
    when = pack_programs([parse_expression(use.when) if use.when else Program() for use in uses])
    per_tick = [[use.effects.get(need, 0.0) / use.ticks for need in NEEDS] for use in uses]
    needed = [{use.utility for use in uses if use.object == name} for name in types]
    stock = scenario.rules.economy.stock_per_day
    return {
        "affordances": len(uses),
        "affordance_type": np.array([types.index(use.object) for use in uses], np.int64),
        "affordance_ticks": np.array([use.ticks for use in uses], np.int64),
        "affordance_effect": np.array(per_tick, np.float64).reshape(-1, len(NEEDS)),
        "affordance_work": np.array([use.work for use in uses], np.bool_),
        "affordance_counter": np.array([_COUNTERS[use.counts_as] for use in uses], np.int64),
        "affordance_price": np.array([use.price for use in uses], np.float64),
        "affordance_stock": np.array([use.uses_stock for use in uses], np.bool_),
        "affordance_utility": np.array([_UTILITIES[use.utility] for use in uses], np.int64),
        "affordance_meal": np.array([use.meal for use in uses], np.bool_),
        "when_code": when.code,
        "when_operand": when.operand,
        "when_start": when.start,
        "type_utility": np.array([_UTILITIES[one.pop()] if len(one) == 1 else 0 for one in needed], np.int64),
        "type_stock": np.array([stock.get(name, 0) for name in types], np.int64),
    }


def _need_constants(needs: NeedsRules) -> dict[str, Any]:
    return {
        "need_decay": np.array([needs.decay.get(need, 0.0) for need in NEEDS], np.float64),
        "start_jitter": needs.start_jitter,
        "faint_after": needs.faint_after,
        "newcomer_after": needs.newcomer_after,
    }


def _queue_constants(queue: QueueRules) -> dict[str, Any]:
    base = queue.intensity
    return {
        "cooldown_ticks": queue.cooldown_ticks,
        "ghost_step_after": queue.ghost_step_after,
        "fair_use_ticks": queue.fair_use_ticks,
        "age_priority_weight": queue.age_priority_weight,
        "conflict_base": np.array([base.ghost_step, base.push_in, base.overstay, base.contested_arrival], np.float64),
        "intensity_per_waiter": queue.intensity_per_waiter,
        "patience_ticks": queue.patience_ticks,
        "impatience": queue.impatience,
    }


def _rivalry_constants(rivalry: RivalryRules) -> dict[str, Any]:
    return {
        "rivalry_increment": rivalry.increment_per_conflict,
        "rivalry_decay": rivalry.decay_per_tick,
        "polite_relief": rivalry.polite_relief,
        "rivalry_drop": rivalry.drop_below,
        "avoid_threshold": rivalry.avoid_threshold,
    }


def _work_and_money_constants(rules: RulesConfig) -> dict[str, Any]:
    work = rules.employment
    return {
        "due_before": work.due_before,
        "grace_ticks": work.grace_ticks,
        "absent_after": work.absent_after,
        "lateness_penalty": work.lateness_penalty,
        "late_help": work.late_help,
        "takeover": work.takeover,
        "start_wallet": rules.economy.start_wallet,
        "rent": rules.economy.rent_per_day,
    }


def _relationship_constants(ties: RelationshipRules) -> dict[str, Any]:
    return {
        "ties": ties.max_ties > 0,
        "tie_decay": ties.decay_per_tick,
        "chat_cooldown": ties.chat_cooldown_ticks,
        "chat_base": ties.chat_base,
        "chat_gain": ties.chat_gain,
        "shared_meals": ties.shared_meals and ties.max_ties > 0,
        "meal_gain": ties.meal_gain,
        "help_gain": ties.help_gain,
        "reconciliation": ties.reconciliation,
    }


def _perturbation_constants(rules: PerturbationRules, types: list[str]) -> dict[str, Any]:
    each = (rules.power_outage, rules.water_outage, rules.price_spike, rules.closure)
    closed = rules.closure.object
    return {
        "event_chance": np.array([one.per_day for one in each], np.float64),
        "event_ticks": np.array([one.ticks for one in each], np.int64),
        "price_factor": rules.price_spike.factor,
        "closed_type": types.index(closed) if closed in types else -1,
    }


def _lifecycle_constants(lifecycle: LifecycleRules) -> dict[str, Any]:
    return {
        "eviction_debt": lifecycle.eviction_debt,
        "departure_after": lifecycle.departure_after,
        "departure_mood": lifecycle.departure_mood,
        "most_leaving": lifecycle.most_leaving_per_day,
        "most_arriving": lifecycle.most_arriving_per_day,
    }


def _reward_constants(reward: RewardRules) -> dict[str, Any]:
    return {
        "survival": reward.survival,
        "need_weight": np.array([reward.need_weights.get(need, 0.0) for need in NEEDS], np.float64),
        "wage_weight": reward.wage,
        "actor_weight": reward.conflict_actor,
        "suffered_weight": reward.conflict_suffered,
        "rivalry_weight": reward.rivalry,
        "social_weight": reward.social,
        "faint_cost": reward.faint,
        "eviction_cost": reward.eviction,
        "absence_cost": reward.absence,
        "reward_clip": reward.clip,
    }
