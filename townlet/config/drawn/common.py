"""Sections that all drawn towns share, and the middle values around which the others are drawn."""

from __future__ import annotations

from typing import Any

#: Every drawn town has these affordances, in this order; so it has the object types and actions of ``town_day``.
AFFORDANCES: dict[str, dict[str, Any]] = {
    "sleep": {
        "object": "bed",
        "ticks": 40,
        "effects": {"energy": 0.25},
        "when": "energy < 0.75",
        "counts_as": "sleep_complete",
    },
    "wash": {
        "object": "shower",
        "ticks": 50,
        "effects": {"hygiene": 0.45},
        "when": "hygiene < 0.6",
        "utility": "water",
        "counts_as": "shower_complete",
    },
    "cook": {
        "object": "stove",
        "ticks": 25,
        "effects": {"hunger": 0.5},
        "when": "hunger < 0.55",
        "price": 0.5,
        "utility": "power",
        "meal": True,
    },
    "snack": {"object": "fridge", "ticks": 10, "effects": {"hunger": 0.1}, "when": "hunger < 0.6", "meal": True},
    "serve": {"object": "counter", "ticks": 10, "effects": {"energy": -0.01}, "work": True},
    "file": {"object": "desk", "ticks": 15, "effects": {"energy": -0.01}, "work": True},
    "restock": {"object": "shelf", "ticks": 10, "effects": {"energy": -0.01}, "work": True},
    "shop": {
        "object": "shelf",
        "ticks": 5,
        "effects": {"hunger": 0.4},
        "when": "hunger < 0.6",
        "price": 1.0,
        "uses_stock": True,
    },
}

#: Fall of each need per tick.
DECAY = {"hunger": 0.0012, "hygiene": 0.0012, "energy": 0.0009}

#: The section ``rules.reward``. Needs and wages are paid tick by tick; what must not happen has a price that no such
#: payment makes worth while: a contested arrival costs about a day's wages, a missed shift those of several days.
REWARD: dict[str, Any] = {
    "survival": 0.05,
    "need_weights": {"hunger": 0.1, "hygiene": 0.1, "energy": 0.1},
    "wage": 3.7,
    "social": 0.05,
    "faint": 30.0,
    "eviction": 3.0,
    "absence": 40.0,
    "conflict_actor": 20.0,
    "conflict_suffered": 2.0,
    "rivalry": 0.02,
    "clip": 100.0,
}

#: The section ``observations``.
OBSERVATIONS: dict[str, Any] = {"offers": True}

#: The section ``training``.
TRAINING: dict[str, Any] = {
    "worlds": 16,
    "rollout_ticks": 1000,
    "cycles": 100,
    "epochs": 2,
    "network": {"hidden": [128, 128], "activation": "relu", "commitment_ticks": 16},
    "ppo": {
        "learning_rate": 0.0015,
        "lr_schedule": "linear",
        "gamma": 0.998,
        "gae_lambda": 0.95,
        "entropy_coef": 0.01,
        "entropy_schedule": "linear",
        "value_coef": 0.01,
    },
    "imitation": {"rollouts": 8},
}

#: Ticks of a day, and of an episode.
DAY = 1000
