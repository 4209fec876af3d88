"""Routes from every tile to the nearest objects, found once per town by breadth-first search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.world.engine.compile import entry, seldom

#: The distance from a tile that no path connects to the object.
UNREACHABLE = 32767

#: The nearest object of a type from a tile; its fields lie side by side in memory, ready for the observation.
NEAREST = np.dtype(
    [
        ("object", np.int16),  # -1 without one
        ("route", np.int16),  # as in Routes
        ("dx", np.float32),  # columns to it, scaled as in the observation
        ("dy", np.float32),  # rows to it, scaled likewise
        ("distance", np.float32),  # steps until it is within reach, scaled likewise
    ]
)

#: The distance and the route from a tile to one object.
WAY = np.dtype([("distance", np.int16), ("route", np.int16)])


class Routes(NamedTuple):
    """Routes from each tile to the nearest objects of each type: ``C`` candidates, nearest first.

    A route is two sets of directions, each north, south, west and east from the lowest bit on: bits 0 to 3 lead nearer
    to the object, bits 4 to 7 neither nearer nor farther.
    """

    object: NDArray[np.int16]
    """int16 [tiles, T, C], −1 where there are no more."""
    distance: NDArray[np.int16]
    """int16 [tiles, T, C]: steps to the nearest tile within reach of it; UNREACHABLE without an object."""
    route: NDArray[np.uint8]
    """uint8 [tiles, T, C]."""


def find_routes(
    step: NDArray[np.int32],
    around: Sequence[Sequence[int]],
    object_type: NDArray[np.integer],
    types: int,
    candidates: int,
) -> Routes:
    """Find the routes to the nearest objects of every type.

    Args:
        step: int32 [tiles, 4]: the neighboring tiles, or the tile itself where that is blocked.
        around: the tiles within reach of each object.
        object_type: int [O]: the type of each object.
        types: number of types.
        candidates: objects of each type to keep per tile.
    """
    tiles = len(step)
    found = np.full((tiles, types, candidates), -1, np.int16)
    distance = np.full((tiles, types, candidates), UNREACHABLE, np.int16)
    route = np.zeros((tiles, types, candidates), np.uint8)
    frontier = np.zeros((tiles * candidates, 2), np.int32)
    for t in range(types):
        members = [(tile, o) for o in np.flatnonzero(object_type == t).tolist() for tile in around[o]]
        seeds = np.array(members, np.int32).reshape(-1, 2)
        _spread(step, seeds, frontier, found[:, t], distance[:, t])
        _mark_routes(step, found[:, t], distance[:, t], route[:, t])
    return Routes(found, distance, route)


def find_ways(step: NDArray[np.int32], around: Sequence[Sequence[int]]) -> NDArray[Any]:
    """The ways from every tile to each object: WAY [O, tiles]; ``around`` lists the tiles within reach of each."""
    ways = np.zeros((len(around), len(step)), WAY).view(np.recarray)
    ways["distance"] = UNREACHABLE
    frontier = np.zeros(len(step), np.int32)
    for o, tiles in enumerate(around):
        _flood(step, np.array(tiles, np.int32), frontier, ways[o])
    return ways


@entry
def _flood(step: np.ndarray, seeds: np.ndarray, frontier: np.ndarray, way: np.ndarray) -> None:
    """Fill the way to an object: a breadth-first search from ``seeds``, then the directions of every tile reached."""
    end = 0
    for i in range(len(seeds)):
        way[seeds[i]].distance = 0
        frontier[end] = seeds[i]
        end += 1
    begin = 0
    while begin < end:
        tile = frontier[begin]
        begin += 1
        for direction in range(4):
            target = step[tile, direction]
            if way[target].distance == UNREACHABLE:
                way[target].distance = way[tile].distance + 1
                frontier[end] = target
                end += 1
    for i in range(end):
        tile = frontier[i]
        for direction in range(4):
            target = step[tile, direction]
            if target == tile:
                continue
            if way[target].distance < way[tile].distance:
                way[tile].route |= 1 << direction
            elif way[target].distance == way[tile].distance:
                way[tile].route |= 16 << direction


@entry
def _spread(step: np.ndarray, seeds: np.ndarray, frontier: np.ndarray, found: np.ndarray, distance: np.ndarray) -> None:
    """Let every object of a type spread tile by tile, over each tile that has fewer than ``C`` nearer objects."""
    end = 0
    for i in range(len(seeds)):
        if _claim(found, distance, seeds[i, 0], seeds[i, 1], 0):
            frontier[end, 0] = seeds[i, 0]
            frontier[end, 1] = seeds[i, 1]
            end += 1
    begin = 0
    while begin < end:
        tile = frontier[begin, 0]
        o = frontier[begin, 1]
        begin += 1
        steps = 0
        for c in range(found.shape[1]):
            if found[tile, c] == o:
                steps = distance[tile, c] + 1
        for direction in range(4):
            target = step[tile, direction]
            if _claim(found, distance, target, o, steps):
                frontier[end, 0] = target
                frontier[end, 1] = o
                end += 1


@seldom
def _claim(found: np.ndarray, distance: np.ndarray, tile: int, o: int, steps: int) -> bool:
    """Add an object to a tile's nearest, unless it is there or they are full; returns whether it was added."""
    for c in range(found.shape[1]):
        if found[tile, c] == o:
            return False
        if found[tile, c] < 0:
            found[tile, c] = o
            distance[tile, c] = steps
            return True
    return False


@entry
def _mark_routes(step: np.ndarray, found: np.ndarray, distance: np.ndarray, route: np.ndarray) -> None:
    """Mark for every tile and object the directions that lead nearer, and those that keep the distance."""
    for tile in range(len(found)):
        for c in range(found.shape[1]):
            if found[tile, c] < 0:
                break
            for direction in range(4):
                target = step[tile, direction]
                if target == tile:
                    continue
                for other in range(found.shape[1]):
                    if found[target, other] == found[tile, c]:
                        if distance[target, other] < distance[tile, c]:
                            route[tile, c] |= 1 << direction
                        elif distance[target, other] == distance[tile, c]:
                            route[tile, c] |= 16 << direction
