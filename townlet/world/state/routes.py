"""The way from every tile to the objects nearest to it, worked out once per town by breadth-first search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.world.engine.compile import entry, seldom

#: Distance of a tile from which there is no way.
UNREACHABLE = 32767


#: The nearest object of a type from a tile: what is needed of it lies side by side in memory, ready to be shown.
NEAREST = np.dtype(
    [
        ("thing", np.int16),  # object, or -1
        ("route", np.int16),  # the ways to it, as in Routes
        ("dx", np.float32),  # columns to it, rows to it and steps into reach of it, as observations have them
        ("dy", np.float32),
        ("steps", np.float32),
    ]
)

#: The way from a tile to one object.
WAY = np.dtype([("distance", np.int16), ("route", np.int16)])


class Routes(NamedTuple):
    """From each tile to the objects of each type that are nearest to it; ``C`` candidates, nearest first.

    A route is two sets of directions, north, south, west and east from the lowest bit on: bits 0 to 3 lead nearer to
    the object, bits 4 to 7 neither nearer nor farther.
    """

    thing: NDArray[np.int16]
    """int16 [tiles, T, C], −1 where there are no more."""
    distance: NDArray[np.int16]
    """int16 [tiles, T, C]: steps to the nearest tile in reach of it; UNREACHABLE without one."""
    route: NDArray[np.uint8]
    """uint8 [tiles, T, C]."""


def find_routes(
    step: NDArray[np.int32],
    around: Sequence[Sequence[int]],
    kind: NDArray[np.integer],
    kinds: int,
    candidates: int,
) -> Routes:
    """Routes to things that are each in reach from the tiles ``around`` them, and of a ``kind`` each.

    ``step`` is int32 [tiles, 4], the neighbouring tiles, the tile itself where there is no way.
    """
    tiles = len(step)
    thing = np.full((tiles, kinds, candidates), -1, np.int16)
    distance = np.full((tiles, kinds, candidates), UNREACHABLE, np.int16)
    route = np.zeros((tiles, kinds, candidates), np.uint8)
    frontier = np.zeros((tiles * candidates, 2), np.int32)
    for number in range(kinds):
        members = [(tile, index) for index in np.flatnonzero(kind == number).tolist() for tile in around[index]]
        seeds = np.array(members, np.int32).reshape(-1, 2)
        _spread(step, seeds, frontier, thing[:, number], distance[:, number])
        _point(step, thing[:, number], distance[:, number], route[:, number])
    return Routes(thing, distance, route)


def find_ways(step: NDArray[np.int32], around: Sequence[Sequence[int]]) -> NDArray[Any]:
    """The ways from everywhere to some places, each in reach from the tiles ``around`` it: WAY [places, tiles]."""
    ways = np.zeros((len(around), len(step)), WAY).view(np.recarray)
    ways["distance"] = UNREACHABLE
    frontier = np.zeros(len(step), np.int32)
    for place, tiles in enumerate(around):
        _flood(step, np.array(tiles, np.int32), frontier, ways[place])
    return ways


@entry
def _flood(step: np.ndarray, seeds: np.ndarray, frontier: np.ndarray, way: np.ndarray) -> None:
    """Breadth-first search from some tiles, and the directions that lead nearer or keep the distance."""
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
def _spread(step: np.ndarray, seeds: np.ndarray, frontier: np.ndarray, thing: np.ndarray, distance: np.ndarray) -> None:
    """Let every object of a type claim tiles step by step, at most as many objects per tile as there are places."""
    end = 0
    for i in range(len(seeds)):
        if _claim(thing, distance, seeds[i, 0], seeds[i, 1], 0):
            frontier[end, 0] = seeds[i, 0]
            frontier[end, 1] = seeds[i, 1]
            end += 1
    begin = 0
    while begin < end:
        tile = frontier[begin, 0]
        number = frontier[begin, 1]
        begin += 1
        steps = 0
        for c in range(thing.shape[1]):
            if thing[tile, c] == number:
                steps = distance[tile, c] + 1
        for direction in range(4):
            target = step[tile, direction]
            if _claim(thing, distance, target, number, steps):
                frontier[end, 0] = target
                frontier[end, 1] = number
                end += 1


@seldom
def _claim(thing: np.ndarray, distance: np.ndarray, tile: int, number: int, steps: int) -> bool:
    """Enter an object among a tile's nearest, if there is room and it is not there yet."""
    for c in range(thing.shape[1]):
        if thing[tile, c] == number:
            return False
        if thing[tile, c] < 0:
            thing[tile, c] = number
            distance[tile, c] = steps
            return True
    return False


@entry
def _point(step: np.ndarray, thing: np.ndarray, distance: np.ndarray, route: np.ndarray) -> None:
    """Mark for every tile and object the directions that lead nearer, and those that keep the distance."""
    for tile in range(len(thing)):
        for c in range(thing.shape[1]):
            if thing[tile, c] < 0:
                break
            for direction in range(4):
                target = step[tile, direction]
                if target == tile:
                    continue
                for other in range(thing.shape[1]):
                    if thing[target, other] == thing[tile, c]:
                        if distance[target, other] < distance[tile, c]:
                            route[tile, c] |= 1 << direction
                        elif distance[target, other] == distance[tile, c]:
                            route[tile, c] |= 16 << direction
