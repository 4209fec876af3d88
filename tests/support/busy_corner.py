"""A corner of a town so crowded, poor and badly supplied that every kind of event happens within a few days."""

from __future__ import annotations

from typing import Any

from townlet.config import Scenario

_OBJECTS: dict[str, Any] = {
    "shower_1": {"type": "shower", "at": [1, 1]},
    "counter_1": {"type": "counter", "at": [3, 1]},
    "fridge_1": {"type": "fridge", "at": [1, 3]},
    "fridge_2": {"type": "fridge", "at": [3, 3]},
    "fridge_3": {"type": "fridge", "at": [2, 2]},
}

_AFFORDANCES: dict[str, Any] = {
    "wash": {
        "object": "shower",
        "ticks": 2,
        "effects": {"hygiene": 0.3},
        "when": "hygiene < 0.9",
        "utility": "water",
        "counts_as": "shower_complete",
    },
    "nap": {"object": "shower", "ticks": 2, "effects": {"energy": 0.2}, "counts_as": "sleep_complete"},
    "eat": {
        "object": "fridge",
        "ticks": 2,
        "effects": {"hunger": 0.4},
        "price": 0.01,
        "uses_stock": True,
        "utility": "power",
        "meal": True,
    },
    "serve": {"object": "counter", "ticks": 3, "effects": {"energy": -0.01}, "work": True},
}

_PEOPLE: dict[str, Any] = {
    "anna": {"at": [0, 0], "job": "early"},
    "ben": {"at": [2, 0], "job": "early"},
    "cara": {"at": [4, 0], "job": "late"},
    "dan": {"at": [0, 4], "job": "late"},
    "erin": {"at": [2, 4], "personality": {"patience": 0.0, "forgiveness": 0.1}},
    "finn": {"at": [4, 4], "personality": {"extroversion": 0.9}},
}

_OFTEN: dict[str, Any] = {"per_day": 0.5, "ticks": 6}

_RULES: dict[str, Any] = {
    "needs": {
        "decay": {"hunger": 0.012, "hygiene": 0.012, "energy": 0.006},
        "start_jitter": 0.2,
        "faint_after": 20,
        "newcomer_after": 5,
    },
    "queue": {
        "cooldown_ticks": 2,
        "ghost_step_after": 2,
        "fair_use_ticks": 2,
        "age_priority_weight": 0.3,
        "patience_ticks": 4,
    },
    "rivalry": {"decay_per_tick": 0.02, "max_edges": 3},
    "employment": {"grace_ticks": 1, "absent_after": 6, "late_help": True, "takeover": True},
    "economy": {"start_wallet": 1.0, "rent_per_day": 0.8, "stock_per_day": {"fridge": 6}},
    "relationships": {"max_ties": 3, "decay_per_tick": 0.002, "chat_cooldown_ticks": 4},
    "perturbations": {
        "power_outage": _OFTEN,
        "water_outage": _OFTEN,
        "price_spike": _OFTEN,
        "closure": {**_OFTEN, "object": "shower"},
    },
    "lifecycle": {"eviction_debt": 0.2, "departure_after": 15, "departure_mood": 0.25},
    "reward": {"social": 0.1, "faint": 1.0, "eviction": 1.0, "absence": 0.5},
}


def busy_corner(mode: str = "compact") -> Scenario:
    """Six people round a shower, a counter and three fridges; ``mode`` is that of the observations.

    Full ones also show offers.
    """
    return Scenario.model_validate(
        {
            "name": "busy_corner",
            "description": "Six people, five by five tiles, and a day of forty ticks.",
            "ticks": 1000,
            "ticks_per_day": 40,
            "map": {"width": 5, "height": 5, "walls": [{"corner": [4, 2], "opposite": [4, 2]}]},
            "objects": _OBJECTS,
            "affordances": _AFFORDANCES,
            "jobs": {
                "early": {"workplace": "counter_1", "start": 4, "end": 18, "wage": 0.05},
                "late": {"workplace": "counter_1", "start": 20, "end": 36, "wage": 0.05},
            },
            "people": _PEOPLE,
            "rules": _RULES,
            "observations": {"mode": mode, "offers": mode == "full"},
        }
    )
