"""Floor plan of a town: walls, doors, and rooms with their names."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]

from townlet.config.scenario import Scenario

#: Widest gap in a wall that counts as a door, tiles.
WIDEST_DOOR = 3


class FloorPlan(NamedTuple):
    """Walls, doors and rooms of a town; a room is an area with objects that walls and doors enclose."""

    walls: NDArray[np.bool_]
    """bool [height, width]."""
    doors: NDArray[np.bool_]
    """bool [height, width]: free tiles in the line of a room's wall."""
    rooms: NDArray[np.int32]
    """int32 [height, width]: index of the room, −1 outside."""
    names: tuple[str, ...]
    """Names of the rooms: what the names of their objects have in common, such as ``home 1``, or ''."""


def floor_plan_of(scenario: Scenario) -> FloorPlan:
    """Work out the floor plan of a scenario's town."""
    walls = np.zeros((scenario.map.height, scenario.map.width), np.bool_)
    for wall in scenario.map.walls:
        (x1, x2), (y1, y2) = (sorted(pair) for pair in zip(wall.corner, wall.opposite, strict=True))
        walls[y1 : y2 + 1, x1 : x2 + 1] = True
    gaps = _gaps(walls) | _gaps(walls.T).T
    area, count = ndimage.label(~walls & ~gaps)
    # Whatever reaches the edge of the map is outside.
    open_areas = np.unique(np.concatenate([area[0], area[-1], area[:, 0], area[:, -1]]))
    inside = {int(number): index for index, number in enumerate(n for n in range(1, count + 1) if n not in open_areas)}
    members: dict[int, list[str]] = {}
    for name, item in scenario.objects.items():
        number = int(area[item.at[1], item.at[0]])
        if number in inside:
            members.setdefault(number, []).append(name.removeprefix(f"{item.type}_"))
    rooms = np.full(walls.shape, -1, np.int32)
    for index, number in enumerate(members):
        rooms[area == number] = index
    # A gap next to no room is a street between two buildings in line.
    return FloorPlan(
        walls,
        gaps & ndimage.binary_dilation(rooms >= 0),
        rooms,
        tuple(_common_name(names) for names in members.values()),
    )


def _gaps(walls: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Gaps in horizontal walls: runs of at most three free tiles between wall tiles of a row, bool like ``walls``.

    The wall must continue at one end, which it does not between the side walls of a narrow room.
    """
    gaps = np.zeros_like(walls)
    width = walls.shape[1]
    for y, row in enumerate(walls):
        (ends,) = np.nonzero(row)
        for left, right in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            continues = (left > 0 and row[left - 1]) or (right + 1 < width and row[right + 1])
            if 1 < right - left <= WIDEST_DOOR + 1 and continues:
                gaps[y, left + 1 : right] = True
    return gaps


def _common_name(names: list[str]) -> str:
    words = [name.split("_") for name in names]
    common = itertools.takewhile(lambda alike: len(set(alike)) == 1, zip(*words, strict=False))
    return " ".join(alike[0] for alike in common)
