"""A small town around one shower, and a stage on which a test directs its people by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from townlet.config import Scenario
from townlet.rollout import REWARD_PARTS
from townlet.world import EVENT_KINDS, SHIFT_STATES, TALLY, Town
from townlet.world.engine.compile import numba

ROLES = ("idle", "waiting", "holding", "using", "finished")
NEEDS = ("hunger", "hygiene", "energy")

#: Everybody stands within reach of the shower; nothing decays, grudges do not fade, and nobody loses patience.
SHOWER_ROOM: dict[str, Any] = {
    "name": "shower_room",
    "description": "Four people and one shower.",
    "ticks": 200,
    "map": {"width": 7, "height": 7},
    "objects": {"shower_1": {"type": "shower", "at": [3, 3]}},
    "affordances": {"wash": {"object": "shower", "ticks": 3, "effects": {"hygiene": 0.3}}},
    "people": {
        "anna": {"at": [2, 3], "needs": {"hygiene": 0.2}},
        "ben": {"at": [4, 3], "needs": {"hygiene": 0.2}},
        "cara": {"at": [3, 2], "needs": {"hygiene": 0.2}},
        "dan": {"at": [3, 4], "needs": {"hygiene": 0.2}},
    },
    "rules": {
        "needs": {"decay": {}},
        "queue": {"ghost_step_after": 100},
        "rivalry": {"decay_per_tick": 0.0},
    },
}


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` merged into it, mapping by mapping; None removes a key."""
    merged = dict(base)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def shower_room(**changes: Any) -> Scenario:
    """The shower room with changes to its sections, as :func:`merge` takes them."""
    return Scenario.model_validate(merge(SHOWER_ROOM, changes))


class Happening(NamedTuple):
    """An event with names instead of numbers; '' without an object, actor or rival."""

    kind: str
    thing: str
    actor: str
    rival: str
    queue_length: int
    intensity: float
    detail: int


class Stage:
    """One world of a town; ``tick(anna="start")`` is one tick in which Anna starts and all others wait."""

    def __init__(self, scenario: Scenario, seed: int = 0) -> None:
        self.scenario = scenario
        self.town = Town(scenario, worlds=1, seed=seed)
        self.state = self.town.state

    def tick(self, **actions: str) -> list[Happening]:
        """Play one tick and return its events; people who are not named wait."""
        chosen = np.zeros((1, len(self.town.people)), np.int32)
        for name, action in actions.items():
            chosen[0, self._index(name)] = self.town.action_names.index(action)
        self.town.step(chosen)
        return self.events()

    def ticks(self, count: int, **actions: str) -> list[Happening]:
        """Play some ticks with the same actions and return their events."""
        return [event for _ in range(count) for event in self.tick(**actions)]

    def queue_up(self, *names: str) -> None:
        """Let people request the shower one after another: the first holds it, the others queue in this order."""
        for name in names:
            self.tick(**{name: "request_shower"})

    def events(self) -> list[Happening]:
        """The events of the last tick."""
        people, objects = [*self.town.people, ""], [*self.town.objects, ""]
        return [
            Happening(
                EVENT_KINDS[event.kind],
                objects[event.object],
                people[event.actor],
                people[event.rival],
                int(event.queue_length),
                float(event.intensity),
                int(event.detail),
            )
            for event in self.state.events[0, : self.state.worlds[0].event_count]
        ]

    def person(self, name: str) -> Any:
        """The record of a person."""
        return self.state.people[0, self._index(name)]

    def alive(self, name: str) -> bool:
        return bool(self.town.alive[0, self._index(name)])

    def terminated(self, name: str) -> bool:
        return bool(self.town.terminated[0, self._index(name)])

    def reward(self, name: str) -> float:
        return float(self.town.reward[0, self._index(name)])

    def reward_part(self, name: str, part: str) -> float:
        return float(self.state.reward_parts[0, self._index(name), REWARD_PARTS.index(part)])

    def role(self, name: str) -> str:
        return ROLES[self.person(name).role]

    def need(self, name: str, need: str = "hygiene") -> float:
        return float(self.person(name).needs[NEEDS.index(need)])

    def shift(self, name: str) -> str:
        return SHIFT_STATES[self.person(name).shift_state]

    def place(self, name: str) -> tuple[int, int]:
        tile = int(self.person(name).tile)
        return tile % self.town.layout.width, tile // self.town.layout.width

    def holder(self, thing: str = "shower_1") -> str:
        return [*self.town.people, ""][self._object(thing).holder]

    def queue(self, thing: str = "shower_1") -> list[str]:
        record = self._object(thing)
        return [self.town.people[a] for a in record.queue[: record.queue_length]]

    def rivalry(self, name: str, other: str) -> float:
        """The strength of a person's grudge against another, 0 without one."""
        for grudge in self.state.grudges[0, self._index(name)]:
            if grudge.other == self._index(other):
                return float(grudge.strength)
        return 0.0

    def set_rivalry(self, name: str, **strengths: float) -> None:
        """Replace a person's grudges."""
        ledger = self.state.grudges[0, self._index(name)]
        ledger["other"], ledger["strength"] = -1, 0.0
        self.person(name).grudges = len(strengths)
        for slot, (other, strength) in enumerate(strengths.items()):
            ledger[slot].other, ledger[slot].strength = self._index(other), strength

    def legal(self, name: str) -> set[str]:
        mask = self.town.mask[0, self._index(name)]
        return {action for action, legal in zip(self.town.action_names, mask, strict=True) if legal}

    def tally(self, name: str, column: str) -> float:
        return float(self.state.tally[0, self._index(name), TALLY.index(column)])

    def sees(self, name: str, feature: str) -> float:
        names = [entry["name"] for entry in self.town.observation_schema]
        return float(self.town.observation[0, self._index(name), names.index(feature)])

    def _index(self, name: str) -> int:
        return self.town.people.index(name)

    def _object(self, thing: str) -> Any:
        return self.state.objects[0, self.town.objects.index(thing)]


def callable_from_python(inner: Callable[..., Any]) -> Any:
    """A function with which a test can call a rule that only other rules can call."""

    @numba.njit(error_model="numpy", _nrt=False)  # type: ignore[untyped-decorator]
    def call(*arguments: Any) -> Any:
        return inner(*arguments)

    return call


def kinds(events: list[Happening]) -> list[str]:
    """Kinds of the events, in order."""
    return [event.kind for event in events]
