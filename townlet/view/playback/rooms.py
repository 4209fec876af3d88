"""The plan of a town for pictures: walls, doors, and rooms with their names."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]

from townlet.world import Town

#: Gaps in a wall up to this wide are doors.
WIDEST_DOOR = 3


class Plan(NamedTuple):
    """Kinds of tiles, and rooms: areas with objects that walls and doors enclose."""

    walls: NDArray[np.bool_]
    """bool [height, width]."""
    doors: NDArray[np.bool_]
    """bool [height, width]: free tiles in the line of a room's wall."""
    rooms: NDArray[np.int32]
    """int32 [height, width]: number of the room, −1 outside."""
    names: tuple[str, ...]
    """What the objects of each room have in common in their names, such as ``home 1``; '' if nothing."""


def plan_of(town: Town) -> Plan:
    """The plan of a town."""
    layout = town.layout
    walls = layout.blocked.astype(np.bool_).reshape(layout.height, layout.width).copy()
    walls.ravel()[layout.object_tile] = False
    gaps = _gaps(walls) | _gaps(walls.T).T
    area, count = ndimage.label(~walls & ~gaps)
    # Whatever reaches the edge of the map is outside.
    open_areas = np.unique(np.concatenate([area[0], area[-1], area[:, 0], area[:, -1]]))
    inside = {int(number): index for index, number in enumerate(n for n in range(1, count + 1) if n not in open_areas)}
    members: dict[int, list[str]] = {}
    kinds = town.scenario.object_types
    for thing, (name, tile) in enumerate(zip(town.objects, layout.object_tile.tolist(), strict=True)):
        number = int(area.ravel()[tile])
        if number in inside:
            members.setdefault(number, []).append(name.removeprefix(f"{kinds[int(layout.object_type[thing])]}_"))
    rooms = np.full(walls.shape, -1, np.int32)
    for index, number in enumerate(members):
        rooms[area == number] = index
    # A gap that no room adjoins is a street between two buildings in line.
    return Plan(
        walls,
        gaps & ndimage.binary_dilation(rooms >= 0),
        rooms,
        tuple(_common_name(names) for names in members.values()),
    )


def _gaps(walls: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Short runs of free tiles within a row of wall, bool like ``walls``.

    At one end the wall must go on in the row: between the side walls of a narrow room it does not.
    """
    gaps = np.zeros_like(walls)
    width = walls.shape[1]
    for y, row in enumerate(walls):
        (ends,) = np.nonzero(row)
        for left, right in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            goes_on = (left > 0 and row[left - 1]) or (right + 1 < width and row[right + 1])
            if 1 < right - left <= WIDEST_DOOR + 1 and goes_on:
                gaps[y, left + 1 : right] = True
    return gaps


def _common_name(names: list[str]) -> str:
    words = [name.split("_") for name in names]
    common = itertools.takewhile(lambda alike: len(set(alike)) == 1, zip(*words, strict=False))
    return " ".join(alike[0] for alike in common)
