"""Any small town, and any actions of its people, for property tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from townlet.config import Scenario
from townlet.config.references import find_broken_references
from townlet.config.town import TRAITS
from townlet.world import Town
from townlet.world.rules.actions import REQUEST


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Small towns: any layout of walls, up to four objects of up to two types, one to eight people, any rules.

    Some are wider, with more objects and more types of objects than an integer has bits.
    """
    seats = draw(st.sampled_from([*7 * (0,), 70]))
    width, height = draw(st.integers(3, 8)) + (28 if seats else 0), draw(st.integers(3, 8))
    tiles = draw(st.permutations([[x, y] for x in range(width) for y in range(height)]))
    people = draw(st.integers(1, min(8, len(tiles) - 4)))
    count = draw(st.integers(0, 4))
    walls = draw(st.integers(0, min(6, len(tiles) - people - count)))
    things = draw(objects(tiles, count, seats))
    uses = draw(affordances(things))
    jobs = draw(clerks(things))
    scenario = Scenario.model_validate(
        {
            "name": "anywhere",
            "description": "Any small town.",
            "ticks": 1000,
            "ticks_per_day": 20,
            "map": {
                "width": width,
                "height": height,
                "walls": [{"corner": tile, "opposite": tile} for tile in (tiles.pop() for _ in range(walls))],
            },
            "objects": things,
            "affordances": uses,
            "jobs": jobs,
            "people": draw(inhabitants(tiles, people, bool(jobs))),
            "rules": draw(social_rules(bool(jobs))) | draw(economic_rules(uses.get("wash"))),
            "observations": {
                "neighbors": draw(st.integers(0, 9)),
                "view_radius": draw(st.integers(1, 8)),
                "mode": draw(st.sampled_from(["compact", "hybrid", "full"])),
                "map_radius": draw(st.integers(1, 4)),
                "offers": draw(st.booleans()),
                "conflict_features": draw(st.booleans()),
            },
        }
    )
    assert find_broken_references(scenario) == []
    return scenario


@st.composite
def objects(draw: st.DrawFn, tiles: list[list[int]], count: int, seats: int) -> dict[str, Any]:
    """Showers and perhaps counters, ``count`` in all, and seats of up to 40 types; removes their tiles."""
    types = ["shower", "counter"][: draw(st.integers(1, 2))]
    things = {f"thing_{i}": {"type": types[i % len(types)], "at": tiles.pop()} for i in range(count)}
    seat_types = min(seats, draw(st.sampled_from([3, 40])))
    return things | {f"seat_{i}": {"type": f"seat_{i % seat_types}", "at": tiles.pop()} for i in range(seats)}


@st.composite
def affordances(draw: st.DrawFn, things: dict[str, Any]) -> dict[str, Any]:
    """A use of every type of object: seats are sat on, showers wash, and counters are for work."""
    types = {thing["type"] for thing in things.values()}
    seat_types = len(types - {"shower", "counter"})
    uses: dict[str, Any] = {
        f"sit_{i}": {"object": f"seat_{i}", "ticks": 2, "effects": {"hunger": 0.1}} for i in range(seat_types)
    }
    if "shower" in types:
        uses["wash"] = {
            "object": "shower",
            "ticks": draw(st.integers(1, 6)),
            "effects": draw(st.fixed_dictionaries({"hygiene": st.floats(-1, 1), "hunger": st.floats(-1, 1)})),
            "when": draw(st.sampled_from([None, f"hygiene < {draw(st.floats(0, 1))}", "on_shift"])),
            "counts_as": "shower_complete",
            "price": draw(st.sampled_from([0.0, 0.5])),
            "uses_stock": draw(st.booleans()),
            "utility": draw(st.sampled_from([None, "power", "water"])),
            "meal": draw(st.booleans()),
        }
    if "counter" in types:
        uses["serve"] = {"object": "counter", "ticks": draw(st.integers(1, 6)), "work": True}
    return uses


@st.composite
def clerks(draw: st.DrawFn, things: dict[str, Any]) -> dict[str, Any]:
    """A job at the first counter, if there is one."""
    counters = [name for name, thing in things.items() if thing["type"] == "counter"]
    if not counters:
        return {}
    start = draw(st.integers(0, 10))
    end = start + draw(st.integers(1, 9))
    return {"clerk": {"workplace": counters[0], "start": start, "end": end, "wage": 0.1}}


@st.composite
def inhabitants(draw: st.DrawFn, tiles: list[list[int]], count: int, jobs: bool) -> dict[str, Any]:
    """People with any needs and traits, every other one with the job; removes their tiles from ``tiles``."""
    traits = st.fixed_dictionaries({trait: st.sampled_from([0.0, 0.5, 1.0]) for trait in TRAITS})
    levels = st.fixed_dictionaries({"hunger": st.floats(0, 1), "hygiene": st.floats(0, 1)})
    return {
        f"person_{i}": {
            "at": tiles.pop(),
            "needs": draw(levels),
            "job": "clerk" if jobs and i % 2 == 0 else None,
            "personality": draw(traits),
        }
        for i in range(count)
    }


#: Amounts per tick, or per conflict.
RATES = st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0])


@st.composite
def social_rules(draw: st.DrawFn, jobs: bool) -> dict[str, Any]:
    """Rules of needs, queues, rivalry, employment and relationships."""
    return {
        "needs": {
            "decay": {"hunger": draw(RATES), "hygiene": draw(RATES)},
            "start_jitter": draw(st.sampled_from([0.0, 0.3])),
            "faint_after": draw(st.integers(1, 12)),
            "newcomer_after": draw(st.integers(1, 5)),
        },
        "queue": {
            "cooldown_ticks": draw(st.integers(0, 6)),
            "ghost_step_after": draw(st.integers(1, 3)),
            "fair_use_ticks": draw(st.integers(1, 4)),
            "age_priority_weight": draw(st.sampled_from([0.0, 0.3, 1.0, 5.0])),
            "intensity_per_waiter": draw(st.sampled_from([0.0, 0.25, 3.0])),
            "patience_ticks": draw(st.sampled_from([0, 3])),
        },
        "rivalry": {
            "increment_per_conflict": draw(RATES),
            "decay_per_tick": draw(RATES),
            "polite_relief": draw(RATES),
            "drop_below": draw(st.sampled_from([0.0, 0.05, 0.3])),
            "avoid_threshold": draw(st.sampled_from([0.2, 0.7])),
            "max_edges": draw(st.integers(1, 5)),
        },
        "employment": {
            "due_before": draw(st.integers(0, 4)),
            "absent_after": draw(st.integers(1, 6)),
            "late_help": draw(st.booleans()) and jobs,
            "takeover": draw(st.booleans()) and jobs,
        },
        "relationships": {
            "max_ties": draw(st.integers(0, 4)),
            "decay_per_tick": draw(RATES),
            "chat_cooldown_ticks": draw(st.integers(1, 5)),
        },
    }


@st.composite
def economic_rules(draw: st.DrawFn, wash: dict[str, Any] | None) -> dict[str, Any]:
    """Rules of money, perturbations and people who leave; ``wash`` is the use of showers, None without showers."""
    utility = wash["utility"] if wash else None
    perturbation = {"ticks": draw(st.integers(1, 30)), "per_day": draw(st.sampled_from([0.3, 1.0]))}
    debt = draw(st.sampled_from([0.0, 0.5])) if draw(st.booleans()) else 0.0
    return {
        "economy": {
            "start_wallet": draw(st.sampled_from([0.5, 5.0])),
            "rent_per_day": 0.7 if debt else 0.0,
            "stock_per_day": {"shower": draw(st.integers(1, 5))} if wash and wash["uses_stock"] else {},
        },
        "perturbations": {
            f"{utility or 'power'}_outage": perturbation if utility else {},
            "price_spike": perturbation if wash and wash["price"] > 0 else {},
            "closure": perturbation if wash else {},
        },
        "lifecycle": {
            "eviction_debt": debt,
            "departure_after": draw(st.sampled_from([0, 5])),
            "most_leaving_per_day": draw(st.integers(1, 3)),
            "most_arriving_per_day": draw(st.integers(1, 3)),
        },
    }


def legal_actions(town: Town, rng: np.random.Generator) -> NDArray[np.int32]:
    """A random legal action for everybody, requests and starts more often than others."""
    weight = np.ones(town.mask.shape[-1])
    start = town.action_names.index("start")
    weight[REQUEST:start] = 6
    weight[start] = 4
    return np.asarray((rng.random(town.mask.shape) * weight * town.mask).argmax(-1), np.int32)


def any_actions(town: Town, rng: np.random.Generator) -> NDArray[np.int32]:
    """Legal actions for most people, and arbitrary numbers for some, even numbers that are no action."""
    wild = rng.integers(-2, town.mask.shape[-1] + 2, town.mask.shape[:2]).astype(np.int32)
    return np.where(rng.random(wild.shape) < 0.7, legal_actions(town, rng), wild)
