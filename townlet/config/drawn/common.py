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

#: The section ``rules.reward``.
REWARD: dict[str, Any] = {
    "survival": 0.05,
    "need_weights": {"hunger": 0.1, "hygiene": 0.1, "energy": 0.1},
    "wage": 3.0,
    "social": 0.05,
    "faint": 5.0,
    "eviction": 3.0,
    "conflict_actor": 0.05,
    "conflict_suffered": 0.05,
    "rivalry": 0.02,
    "clip": 10.0,
}

#: The section ``observations``.
OBSERVATIONS: dict[str, Any] = {"offers": True}

#: The section ``training``.
TRAINING: dict[str, Any] = {"rollout_ticks": 1000, "cycles": 20}

#: Ticks of a day, and of an episode.
DAY = 1000
