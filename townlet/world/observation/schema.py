"""The observation schema: the name, range, meaning and index of every feature.

The index of a feature is its place in the lists below. Rules write ``out[OWN_FEATURE.wallet]``, and within the block of
an object type, ``out[object_block(t) + OBJECT_FEATURE.queue]``.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from townlet.config.town import NEEDS
from townlet.world.engine.compile import rule
from townlet.world.state.arrays import QUEUE_CAPACITY, SHIFT_STATES

if TYPE_CHECKING:
    from townlet.config.scenario import Scenario

#: The ticks of waiting and the amount of money at which their features reach 1.
LONG_WAIT, FULL_WALLET = 32, 10.0
#: The ticks of a use, or of waiting for several, and of a need's fall, at which features of offers reach 1.
LONG_USE, NEED_SPAN = 100.0, 500.0
#: The ticks until it is time to set out for work at which that feature reaches 1.
SLACK = 50.0

DIRECTIONS = ("north", "south", "west", "east")


class Feature(NamedTuple):
    """One number of an observation."""

    name: str
    low: float
    high: float
    meaning: str


#: Features about queues and rivalry, by whole names and by endings.
_CONFLICT_NAMES = {"ahead", "queue_length", "waited", "stalled", "camped", "rivalry_strongest", "rivals"}
_CONFLICT_ENDINGS = ("_queue", "_held", "_in_use", "_rivalry", "rivalry_mean", "_wait", "_coming", "_tie")


def observation_schema_of(scenario: Scenario) -> list[dict[str, Any]]:
    """One entry per feature, in order: name, low, high, meaning, and whether it is about conflict.

    With ``observations.conflict_features: false``, features about conflict stay in place but are always 0.
    """
    config = scenario.observations
    features = _own_features()
    for name in scenario.object_types:
        features += _prefixed(name, _object_features(name))
    for i in range(1, config.neighbors + 1):
        features += _prefixed(f"neighbor{i}", _neighbor_features(i))
    if config.mode != "compact":
        features += _map_features(config.map_radius)
    if config.mode == "full":
        for name in scenario.object_types:
            ways = [Feature(f"way_{side}", 0, 1, f"a step {side} leads to that {name}") for side in DIRECTIONS]
            features += _prefixed(name, ways)
    if config.offers:
        features += _outlook_features()
        for name in scenario.object_types:
            features += _prefixed(name, _offer_features(name))
    return [_entry(feature, config.conflict_features) for feature in features]


def _prefixed(prefix: str, features: Iterable[Feature]) -> list[Feature]:
    return [feature._replace(name=f"{prefix}_{feature.name}") for feature in features]


def _entry(feature: Feature, conflict_features: bool) -> dict[str, Any]:
    name, low, high, meaning = feature
    conflict = name in _CONFLICT_NAMES or name.startswith("map_rival") or name.endswith(_CONFLICT_ENDINGS)
    if conflict and not conflict_features:
        meaning = f"always 0; otherwise: {meaning}"
    return {"name": name, "low": float(low), "high": float(high), "meaning": meaning, "conflict": conflict}


def _own_features() -> list[Feature]:
    shift_states = [Feature(f"shift_{state}", 0, 1, f"today's shift is in the state {state}") for state in SHIFT_STATES]
    return [
        *(Feature(f"need_{need}", 0, 1, f"level of {need}; 1 is satisfied") for need in NEEDS),
        Feature("x", 0, 1, "column, west to east"),
        Feature("y", 0, 1, "row, north to south"),
        Feature("time_of_day", 0, 1, "share of the day that is over"),
        Feature("waiting", 0, 1, "waits in a queue"),
        Feature("holding", 0, 1, "has an object reserved and does not use it"),
        Feature("using", 0, 1, "uses an object"),
        Feature("finished", 0, 1, "has just finished a use and still has the object"),
        Feature("ahead", 0, 1, f"people ahead in the own queue, of {QUEUE_CAPACITY}"),
        Feature("queue_length", 0, 1, f"people waiting at the own object, of {QUEUE_CAPACITY}"),
        Feature("waited", 0, 1, f"ticks waited in the own queue, of {LONG_WAIT}"),
        Feature("stalled", 0, 1, "ticks the own object was held unused before others, of those until a ghost step"),
        Feature("use_left", 0, 1, "share of the running use that is left"),
        Feature("camped", 0, 1, "ticks of using again before others, of those until an overstay"),
        Feature("wallet", -1, 1, f"money, of {FULL_WALLET:.0f}"),
        Feature("chat_ready", 0, 1, "could chat again"),
        Feature("power_off", 0, 1, "there is no power"),
        Feature("water_off", 0, 1, "there is no water"),
        Feature("price_spike", 0, 1, "prices are raised"),
        Feature("employed", 0, 1, "has a job"),
        *shift_states,
        Feature("to_shift_start", -1, 1, "ticks until the shift's start, in days"),
        Feature("to_shift_end", -1, 1, "ticks until the shift's end, in days"),
        Feature("at_workplace", 0, 1, "stands in reach of the workplace"),
        Feature("rivalry_strongest", 0, 1, "strongest grudge held"),
        Feature("rivalry_mean", 0, 1, "sum of grudges held, of the most that can be held"),
        Feature("rivals", 0, 1, "grudges at or above the avoid threshold, of the most that can be held"),
    ]


def _object_features(name: str) -> list[Feature]:
    return [
        Feature("reachable", 0, 1, f"there is a {name} to walk to: one's own workplace, or the nearest in service"),
        Feature("dx", -1, 1, f"columns to that {name}, of the map's width"),
        Feature("dy", -1, 1, f"rows to that {name}, of the map's height"),
        Feature("distance", 0, 1, "steps to it, of the map's width plus height"),
        Feature("queue", 0, 1, f"people waiting there, of {QUEUE_CAPACITY}"),
        Feature("held", 0, 1, "somebody has it reserved or uses it"),
        Feature("in_use", 0, 1, "somebody uses it"),
        Feature("stock", 0, 1, "share of its stock that is left; 0 where nothing is sold"),
        Feature("cooldown", 0, 1, "share of the own cooldown there that is left"),
        Feature("rivalry", 0, 1, "strongest grudge against anybody there"),
    ]


def _neighbor_features(nth: int) -> list[Feature]:
    return [
        Feature("seen", 0, 1, f"there is a {nth}. nearest person in view"),
        Feature("dx", -1, 1, "its columns from here, of the view's radius"),
        Feature("dy", -1, 1, "its rows from here, of the view's radius"),
        Feature("rivalry", 0, 1, "grudge against it"),
        Feature("same_queue", 0, 1, "it queues for, holds or uses the own object"),
        Feature("trust", 0, 1, "trust in it"),
        Feature("familiarity", 0, 1, "how well it is known"),
    ]


def _outlook_features() -> list[Feature]:
    decays = [Feature(f"decay_{need}", 0, 1, f"fall of {need} in {NEED_SPAN:.0f} ticks") for need in NEEDS]
    return [
        Feature("expected", 0, 1, "has a shift today to which they can still come, and has not come"),
        Feature("slack", -1, 1, f"ticks until it is time to set out for that shift, of {SLACK:.0f}; else 0"),
        *decays,
    ]


def _offer_features(name: str) -> list[Feature]:
    gains = [Feature(f"gain_{need}", -1, 1, f"what a whole use of that {name} adds to {need}") for need in NEEDS]
    return [
        Feature("mine", 0, 1, f"that {name} is the own workplace"),
        Feature("ready", 0, 1, f"the person could start a use of that {name} now if they held it"),
        *gains,
        Feature("duration", 0, 1, f"ticks of a whole use, of {LONG_USE:.0f}"),
        Feature("price", 0, 1, f"money that a use costs now, of {FULL_WALLET:.0f}"),
        Feature("wait", 0, 1, f"ticks until all who are before the person are done there, of {LONG_USE:.0f}"),
        Feature("to_work", 0, 1, f"steps from that {name} to the own workplace, of the map's width plus height"),
        Feature("coming", 0, 1, f"others who are walking there by request, of {QUEUE_CAPACITY}"),
        Feature("tie", 0, 1, "another of them has exactly as many steps to go"),
    ]


_MAP_CHANNELS = {
    "blocked": "a wall, an object or the edge is there",
    "object": "an object is there",
    "person": "a person is there",
    "rival": "strongest grudge against who is there",
}


def _map_features(radius: int) -> list[Feature]:
    reach = range(-radius, radius + 1)
    return [
        Feature(f"map_{channel}_{dy:+d}_{dx:+d}", 0, 1, f"{meaning}, {dy:+d} rows and {dx:+d} columns from here")
        for channel, meaning in _MAP_CHANNELS.items()
        for dy in reach
        for dx in reach
    ]


# Untyped: mypy knows only named tuples whose fields are written out.
_named_tuple: Any = namedtuple


def _indices(kind: str, names: Iterable[str]) -> Any:
    """The index of each name, as an attribute of that name; compiled rules take these for constants."""
    listed = list(names)
    return _named_tuple(kind, listed)(*range(len(listed)))


#: The index of a person's own features, from ``need_hunger`` to ``rivals``, in an observation.
OWN_FEATURE: Any = _indices("OwnFeature", (feature.name for feature in _own_features()))
#: The index of an object's features, from ``reachable`` to ``rivalry``, in the block of its type.
OBJECT_FEATURE: Any = _indices("ObjectFeature", (feature.name for feature in _object_features("")))
#: The index of a neighbor's features, from ``seen`` to ``familiarity``, in their block.
NEIGHBOR_FEATURE: Any = _indices("NeighborFeature", (feature.name for feature in _neighbor_features(0)))
#: The index of a map's channels: ``blocked``, ``object``, ``person`` and ``rival``.
MAP_CHANNEL: Any = _indices("MapChannel", _MAP_CHANNELS)

#: The index of an offer's features, from ``mine`` to ``tie``, in the block of its type.
OFFER_FEATURE: Any = _indices("OfferFeature", (feature.name for feature in _offer_features("")))

#: The index of the features before all offers, from ``expected`` to ``decay_energy``, among themselves.
OUTLOOK_FEATURE: Any = _indices("OutlookFeature", (feature.name for feature in _outlook_features()))

_N_OFFER, _N_OUTLOOK = len(OFFER_FEATURE), len(OUTLOOK_FEATURE)
_N_OWN, _N_OBJECT, _N_NEIGHBOR = len(OWN_FEATURE), len(OBJECT_FEATURE), len(NEIGHBOR_FEATURE)
_N_DIRECTIONS = len(DIRECTIONS)


@rule
def object_block(t: int) -> int:
    """The index at which the features of an object type begin."""
    return _N_OWN + _N_OBJECT * t


@rule
def neighbor_block(types: int, n: int) -> int:
    """The index at which the features of the ``n``-th neighbor begin, in a town with this many object types."""
    return object_block(types) + _N_NEIGHBOR * n


@rule
def route_block(features: int, types: int, t: int) -> int:
    """The index at which the features of the route to an object type begin, among the first ``features`` features.

    Routes are the last of all but the offers.
    """
    return features - _N_DIRECTIONS * (types - t)


@rule
def offer_block(features: int, types: int, t: int) -> int:
    """The index at which the features of an object type's offer begin; offers are the last features of all.

    Before those of the first type is a person's outlook.
    """
    return features - _N_OFFER * (types - t)


@rule
def features_without_offers(features: int, types: int) -> int:
    """The number of features before those of the offers."""
    return features - _N_OFFER * types - _N_OUTLOOK
