"""Scenes for drawing: copies of what is visible in one world at one moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from townlet.world import Town
from townlet.world.state.arrays import FINISHED, HOLDING, USING, WAITING

#: Names of a person's role at an object; idle people have none.
ROLES = {WAITING: "waits", HOLDING: "holds", USING: "uses", FINISHED: "finished"}


@dataclass(frozen=True, slots=True)
class SceneObject:
    """An object: its position, its holder, and its queue from the front; people are given by slot."""

    name: str
    type: str
    x: int
    y: int
    holder: int | None
    queue: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ScenePerson:
    """A person: slot, name, position, and role at an object, ``''`` for none."""

    slot: int
    name: str
    x: int
    y: int
    role: str


@dataclass(frozen=True, slots=True)
class Grudge:
    """A grudge: who bears it against whom, by slot, and its strength from 0 to 1."""

    holder: int
    against: int
    strength: float


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment of one world; ``walls`` is bool [height, width]."""

    title: str
    tick: int
    ticks: int
    walls: NDArray[np.bool_]
    types: tuple[str, ...]
    objects: tuple[SceneObject, ...]
    people: tuple[ScenePerson, ...]
    grudges: tuple[Grudge, ...]


def scene_of(town: Town, world: int = 0) -> Scene:
    """Return the current scene of one world of a town."""
    layout, width = town.layout, town.layout.width
    walls = layout.blocked.astype(np.bool_).reshape(layout.height, width).copy()
    tiles = layout.object_tile.tolist()
    walls.ravel()[tiles] = False
    kinds = town.scenario.object_types
    records = town.state.objects[world]
    objects = tuple(
        SceneObject(
            name=name,
            type=kinds[int(layout.object_type[o])],
            x=tiles[o] % width,
            y=tiles[o] // width,
            holder=int(records[o]["holder"]) if records[o]["holder"] >= 0 else None,
            queue=tuple(records[o]["queue"][: records[o]["queue_length"]].tolist()),
        )
        for o, name in enumerate(town.objects)
    )
    here = np.flatnonzero(town.alive[world]).tolist()
    stand = town.state.people[world]["tile"]
    roles = town.state.people[world]["role"]
    people = tuple(
        ScenePerson(a, town.people[a], int(stand[a]) % width, int(stand[a]) // width, ROLES.get(int(roles[a]), ""))
        for a in here
    )
    ledger = town.state.grudges[world]
    grudges = tuple(
        Grudge(a, int(ledger[a, k]["other"]), float(ledger[a, k]["strength"]))
        for a, k in np.argwhere(ledger["other"] >= 0).tolist()
        if town.alive[world, a] and town.alive[world, ledger[a, k]["other"]]
    )
    return Scene(town.scenario.name, town.tick, town.scenario.ticks, walls, tuple(kinds), objects, people, grudges)
