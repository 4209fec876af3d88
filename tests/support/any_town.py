"""Any small town, and anything that its people might do, for property tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from townlet.config import Scenario
from townlet.config.references import find_broken_references
from townlet.config.town import TRAITS
from townlet.world import Town
from townlet.world.rules.actions import REQUEST, START


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Small towns: any layout of walls, up to four objects of up to two types, one to eight people, any rules.

    Some are wider, with more objects and more types of them than a number has bits.
    """
    seats = draw(st.sampled_from([*7 * (0,), 70]))
    width, height = draw(st.integers(3, 8)) + (28 if seats else 0), draw(st.integers(3, 8))
    tiles = draw(st.permutations([[x, y] for x in range(width) for y in range(height)]))
    people = draw(st.integers(1, min(8, len(tiles) - 4)))
    objects = draw(st.integers(0, 4))
    walls = draw(st.integers(0, min(6, len(tiles) - people - objects)))
    types = ["shower", "counter"][: draw(st.integers(1, 2))]
    things = {f"thing_{i}": {"type": types[i % len(types)], "at": tiles.pop()} for i in range(objects)}
    counters = [name for name, thing in things.items() if thing["type"] == "counter"]
    kinds = min(seats, draw(st.sampled_from([3, 40])))
    things |= {f"seat_{i}": {"type": f"seat_{i % kinds}", "at": tiles.pop()} for i in range(seats)}
    affordances: dict[str, Any] = {
        f"sit_{kind}": {"object": f"seat_{kind}", "ticks": 2, "effects": {"hunger": 0.1}} for kind in range(kinds)
    }
    stocked = bool(objects) and draw(st.booleans())
    if objects:
        effects = draw(st.fixed_dictionaries({"hygiene": st.floats(-1, 1), "hunger": st.floats(-1, 1)}))
        when = draw(st.sampled_from([None, f"hygiene < {draw(st.floats(0, 1))}", "on_shift"]))
        affordances["wash"] = {
            "object": "shower",
            "ticks": draw(st.integers(1, 6)),
            "effects": effects,
            "when": when,
            "counts_as": "shower_complete",
            "price": draw(st.sampled_from([0.0, 0.5])),
            "uses_stock": stocked,
            "utility": draw(st.sampled_from([None, "power", "water"])),
            "meal": draw(st.booleans()),
        }
    jobs: dict[str, Any] = {}
    if counters:
        affordances["serve"] = {"object": "counter", "ticks": draw(st.integers(1, 6)), "work": True}
        start = draw(st.integers(0, 10))
        jobs["clerk"] = {"workplace": counters[0], "start": start, "end": start + draw(st.integers(1, 9)), "wage": 0.1}
    traits = st.fixed_dictionaries({trait: st.sampled_from([0.0, 0.5, 1.0]) for trait in TRAITS})
    levels = st.fixed_dictionaries({"hunger": st.floats(0, 1), "hygiene": st.floats(0, 1)})
    inhabitants = {
        f"person_{i}": {
            "at": tiles.pop(),
            "needs": draw(levels),
            "job": "clerk" if jobs and i % 2 == 0 else None,
            "personality": draw(traits),
        }
        for i in range(people)
    }
    rate = st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0])
    outages = {"ticks": draw(st.integers(1, 30)), "per_day": draw(st.sampled_from([0.3, 1.0]))}
    utility = affordances["wash"]["utility"] if objects else None
    priced = bool(objects) and affordances["wash"]["price"] > 0
    debt = draw(st.sampled_from([0.0, 0.5])) if draw(st.booleans()) else 0.0
    rules = {
        "needs": {
            "decay": {"hunger": draw(rate), "hygiene": draw(rate)},
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
            "increment_per_conflict": draw(rate),
            "decay_per_tick": draw(rate),
            "polite_relief": draw(rate),
            "drop_below": draw(st.sampled_from([0.0, 0.05, 0.3])),
            "avoid_threshold": draw(st.sampled_from([0.2, 0.7])),
            "max_edges": draw(st.integers(1, 5)),
        },
        "employment": {
            "due_before": draw(st.integers(0, 4)),
            "absent_after": draw(st.integers(1, 6)),
            "late_help": draw(st.booleans()) and bool(jobs),
            "takeover": draw(st.booleans()) and bool(jobs),
        },
        "economy": {
            "start_wallet": draw(st.sampled_from([0.5, 5.0])),
            "rent_per_day": 0.7 if debt else 0.0,
            "stock_per_day": {"shower": draw(st.integers(1, 5))} if stocked else {},
        },
        "relationships": {
            "max_ties": draw(st.integers(0, 4)),
            "decay_per_tick": draw(rate),
            "chat_cooldown_ticks": draw(st.integers(1, 5)),
        },
        "perturbations": {
            f"{utility or 'power'}_outage": outages if utility else {},
            "price_spike": outages if priced else {},
            "closure": outages if objects else {},
        },
        "lifecycle": {
            "eviction_debt": debt,
            "departure_after": draw(st.sampled_from([0, 5])),
            "most_leaving_per_day": draw(st.integers(1, 3)),
            "most_arriving_per_day": draw(st.integers(1, 3)),
        },
    }
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
            "affordances": affordances,
            "jobs": jobs,
            "people": inhabitants,
            "rules": rules,
            "observations": {
                "neighbors": draw(st.integers(0, 9)),
                "view_radius": draw(st.integers(1, 8)),
                "mode": draw(st.sampled_from(["compact", "hybrid", "full"])),
                "map_radius": draw(st.integers(1, 4)),
                "conflict_features": draw(st.booleans()),
            },
        }
    )
    assert find_broken_references(scenario) == []
    return scenario


def legal_actions(town: Town, rng: np.random.Generator) -> NDArray[np.int32]:
    """A random legal action for everybody, requests and starts more often than steps aside."""
    weight = np.ones(town.mask.shape[-1])
    weight[REQUEST : REQUEST + town.layout.types] = 6
    weight[REQUEST + town.layout.types + START] = 4
    return np.asarray((rng.random(town.mask.shape) * weight * town.mask).argmax(-1), np.int32)


def any_actions(town: Town, rng: np.random.Generator) -> NDArray[np.int32]:
    """Legal actions for most, anything for some, numbers that are no action among it."""
    wild = rng.integers(-2, town.mask.shape[-1] + 2, town.mask.shape[:2]).astype(np.int32)
    return np.where(rng.random(wild.shape) < 0.7, legal_actions(town, rng), wild)
