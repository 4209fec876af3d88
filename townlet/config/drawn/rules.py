"""Rules of a drawn town: all are on, with constants of their own."""

from __future__ import annotations

import math
from typing import Any

from townlet.config.blueprint.draws import Draws
from townlet.config.drawn.capacities import JOBS, LONGEST_SHIFT, Capacities
from townlet.config.drawn.common import REWARD
from townlet.config.drawn.uses import Uses

#: Wages as a multiple of rent and cooked meals.
_MARGIN = (1.5, 2.6)


def draw_rules(number: int, uses: Uses) -> dict[str, Any]:
    """Draw the section ``rules``."""
    draws = Draws(number, "rules")
    return {
        "economy": {
            "start_wallet": round(draws.between((2.0, 4.0)), 1),
            "rent_per_day": round(draws.between((0.6, 1.4)), 2),
            "stock_per_day": {"shelf": 8 + draws.below(9)},
        },
        "relationships": {"max_ties": 4},
        "needs": {"decay": uses.decay, "start_jitter": 0.1, "faint_after": 60, "newcomer_after": 20},
        "queue": {
            "cooldown_ticks": 3 + draws.below(6),
            "ghost_step_after": 2 + draws.below(4),
            "fair_use_ticks": 20 + draws.below(26),
            "patience_ticks": 25 + draws.below(36),
        },
        "rivalry": {"decay_per_tick": round(0.001 * draws.between((0.5, 2.0)), 6), "max_edges": 7},
        "employment": {
            "due_before": 40,
            "grace_ticks": 5,
            "absent_after": 100,
            "lateness_penalty": 0.5,
            "late_help": True,
            "takeover": True,
        },
        "perturbations": {
            "power_outage": _event(draws, 80),
            "water_outage": _event(draws, 80),
            "price_spike": _event(draws, 200) | {"factor": round(draws.between((1.5, 3.0)), 1)},
            "closure": _event(draws, 150) | {"object": "shower"},
        },
        "lifecycle": {"eviction_debt": 3.0, "departure_after": 200, "departure_mood": 0.2},
        "reward": REWARD,
    }


def draw_jobs(
    number: int, capacities: Capacities, buildings: dict[str, Any], people: int, living: float
) -> dict[str, Any]:
    """Draw the section ``blueprint.jobs``, with wages that pay for a living.

    ``living`` is what a person needs in a day. People who share a workplace in the same shift share the wage, too.
    """
    draws = Draws(number, "jobs")
    jobs, given = {}, 0
    for place, (job, (building, kind)) in enumerate(JOBS.items()):
        others = len(JOBS) - place - 1
        scaled = max(round(capacities.workers[job] * people / capacities.people), 1)
        workers = min(scaled, people - given - others) if others else people - given
        given += workers
        shifts = _shifts(draws, capacities.shifts[job])
        places = buildings[building]["count"] * buildings[building]["objects"][kind] * len(shifts)
        shortest = min(end - start for start, end in shifts)
        wage = living * draws.between(_MARGIN) * math.ceil(workers / places) / shortest
        # Rounded down, so that shares do not add up to more than 1.
        share = math.floor(workers / people * 1e5) / 1e5
        jobs[job] = {
            "building": building,
            "object": kind,
            "share": share,
            "shifts": shifts,
            "wage": math.ceil(wage * 1e4) / 1e4,
        }
    return jobs


def _shifts(draws: Draws, count: int) -> list[list[int]]:
    """One or two shifts; the second begins about when the first ends, because both have the same workplaces."""
    longest, latest = (LONGEST_SHIFT, 500) if count == 1 else (350, 250)
    shifts: list[list[int]] = []
    for _ in range(count):
        start = shifts[-1][1] - 50 + _tens(draws, 100) if shifts else 100 + _tens(draws, latest - 100)
        shifts.append([start, start + 250 + _tens(draws, longest - 250)])
    return shifts


def _tens(draws: Draws, most: int) -> int:
    """A multiple of ten from 0 to ``most``."""
    return 10 * draws.below(most // 10 + 1)


def _event(draws: Draws, ticks: int) -> dict[str, Any]:
    return {"per_day": round(draws.between((0.05, 0.4)), 2), "ticks": round(ticks * draws.between((0.6, 1.3)))}
