"""The observation schema: name, range and meaning of every feature, in the order in which they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from townlet.config.town import NEEDS
from townlet.world.state.arrays import QUEUE_PLACES, SHIFT_STATES

if TYPE_CHECKING:
    from townlet.config.scenario import Scenario

#: Ticks of waiting at which the waiting feature saturates, and money at which the wallet does.
LONG_WAIT, FULL_WALLET = 32, 10.0

#: Where the blocks of features begin, and how long those are that repeat.
SELF, SHIFT, GRUDGES, OBJECTS = 0, 21, 31, 34
PER_OBJECT, PER_PERSON = 10, 7

MAP_CHANNELS = ("blocked", "object", "person", "rival")
DIRECTIONS = ("north", "south", "west", "east")

Feature = tuple[str, float, float, str]

#: Features about queues and rivalry, whole names and endings.
_CONFLICT_NAMES = {"ahead", "queue_length", "waited", "stalled", "camped", "rivalry_strongest", "rivals"}
_CONFLICT_ENDINGS = ("_queue", "_held", "_in_use", "_rivalry", "rivalry_mean")


def observation_schema_of(scenario: Scenario) -> list[dict[str, Any]]:
    """One entry per feature: name, low, high, meaning, and whether it is about conflict.

    With ``observations.conflict_features: false`` those about conflict are there, but always 0.
    """
    config = scenario.observations
    features = [*_own_features(), *_shift_features(), *_grudge_features()]
    for name in scenario.object_types:
        features += _object_features(name)
    for i in range(1, config.neighbors + 1):
        features += _neighbor_features(f"neighbor{i}", i)
    if config.mode != "compact":
        features += _map_features(config.map_radius)
    if config.mode == "full":
        for name in scenario.object_types:
            features += [(f"{name}_way_{side}", 0, 1, f"a step {side} leads to that {name}") for side in DIRECTIONS]
    return [_entry(feature, config.conflict_features) for feature in features]


def _entry(feature: Feature, conflict_features: bool) -> dict[str, Any]:
    name, low, high, meaning = feature
    conflict = name in _CONFLICT_NAMES or name.startswith("map_rival") or name.endswith(_CONFLICT_ENDINGS)
    if conflict and not conflict_features:
        meaning = f"always 0; otherwise: {meaning}"
    return {"name": name, "low": float(low), "high": float(high), "meaning": meaning, "conflict": conflict}


def _own_features() -> list[Feature]:
    return [
        *((f"need_{need}", 0, 1, f"level of {need}; 1 is satisfied") for need in NEEDS),
        ("x", 0, 1, "column, west to east"),
        ("y", 0, 1, "row, north to south"),
        ("time_of_day", 0, 1, "share of the day that is over"),
        ("waiting", 0, 1, "waits in a queue"),
        ("holding", 0, 1, "has an object reserved and does not use it"),
        ("using", 0, 1, "uses an object"),
        ("finished", 0, 1, "has just finished a use and still has the object"),
        ("ahead", 0, 1, f"people ahead in the own queue, of {QUEUE_PLACES}"),
        ("queue_length", 0, 1, f"people waiting at the own object, of {QUEUE_PLACES}"),
        ("waited", 0, 1, f"ticks waited in the own queue, of {LONG_WAIT}"),
        ("stalled", 0, 1, "ticks the own object was held unused before others, of those until a ghost step"),
        ("use_left", 0, 1, "share of the running use that is left"),
        ("camped", 0, 1, "ticks of using again before others, of those until an overstay"),
        ("wallet", -1, 1, f"money, of {FULL_WALLET:.0f}"),
        ("chat_ready", 0, 1, "could chat again"),
        ("power_off", 0, 1, "there is no power"),
        ("water_off", 0, 1, "there is no water"),
        ("price_spike", 0, 1, "prices are raised"),
    ]


def _shift_features() -> list[Feature]:
    return [
        ("employed", 0, 1, "has a job"),
        *((f"shift_{state}", 0, 1, f"today's shift is in the state {state}") for state in SHIFT_STATES),
        ("to_shift_start", -1, 1, "ticks until the shift's start, in days"),
        ("to_shift_end", -1, 1, "ticks until the shift's end, in days"),
        ("at_workplace", 0, 1, "stands in reach of the workplace"),
    ]


def _grudge_features() -> list[Feature]:
    return [
        ("rivalry_strongest", 0, 1, "strongest grudge held"),
        ("rivalry_mean", 0, 1, "sum of grudges held, of the most that can be held"),
        ("rivals", 0, 1, "grudges at or above the avoid threshold, of the most that can be held"),
    ]


def _object_features(name: str) -> list[Feature]:
    return [
        (f"{name}_reachable", 0, 1, f"there is a {name} to walk to: one's own workplace, or the nearest in service"),
        (f"{name}_dx", -1, 1, f"columns to that {name}, of the map's width"),
        (f"{name}_dy", -1, 1, f"rows to that {name}, of the map's height"),
        (f"{name}_distance", 0, 1, "steps to it, of the map's width plus height"),
        (f"{name}_queue", 0, 1, f"people waiting there, of {QUEUE_PLACES}"),
        (f"{name}_held", 0, 1, "somebody has it reserved or uses it"),
        (f"{name}_in_use", 0, 1, "somebody uses it"),
        (f"{name}_stock", 0, 1, "share of its stock that is left; 0 where nothing is sold"),
        (f"{name}_cooldown", 0, 1, "share of the own cooldown there that is left"),
        (f"{name}_rivalry", 0, 1, "strongest grudge against anybody there"),
    ]


def _neighbor_features(name: str, place: int) -> list[Feature]:
    return [
        (f"{name}_seen", 0, 1, f"there is a {place}. nearest person in view"),
        (f"{name}_dx", -1, 1, "its columns from here, of the view's radius"),
        (f"{name}_dy", -1, 1, "its rows from here, of the view's radius"),
        (f"{name}_rivalry", 0, 1, "grudge against it"),
        (f"{name}_same_queue", 0, 1, "it queues for, holds or uses the own object"),
        (f"{name}_trust", 0, 1, "trust in it"),
        (f"{name}_familiarity", 0, 1, "how well it is known"),
    ]


def _map_features(radius: int) -> list[Feature]:
    meaning = {
        "blocked": "a wall, an object or the edge is there",
        "object": "an object is there",
        "person": "a person is there",
        "rival": "strongest grudge against who is there",
    }
    reach = range(-radius, radius + 1)
    return [
        (f"map_{channel}_{dy:+d}_{dx:+d}", 0, 1, f"{meaning[channel]}, {dy:+d} rows and {dx:+d} columns from here")
        for channel in MAP_CHANNELS
        for dy in reach
        for dx in reach
    ]
