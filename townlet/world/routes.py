"""The way from every tile to the objects nearest to it, worked out once per town by breadth-first search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.world.compile import entry, seldom

#: Distance of a tile from which there is no way.
UNREACHABLE = 32767


class Routes(NamedTuple):
    """From each tile to the objects of each type that are nearest to it; ``C`` candidates, nearest first.

    A route is two sets of directions, north, south, west and east from the lowest bit on: bits 0 to 3 lead nearer to
    the object, bits 4 to 7 neither nearer nor farther.
    """

    thing: NDArray[np.int16]
    """int16 [C, tiles, T], −1 where there are no more."""
    distance: NDArray[np.int16]
    """int16 [C, tiles, T]: steps to the nearest tile in reach of it; UNREACHABLE without one."""
    route: NDArray[np.uint8]
    """uint8 [C, tiles, T]."""


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
    thing = np.full((candidates, tiles, kinds), -1, np.int16)
    distance = np.full((candidates, tiles, kinds), UNREACHABLE, np.int16)
    route = np.zeros((candidates, tiles, kinds), np.uint8)
    frontier = np.zeros((tiles * candidates, 2), np.int32)
    for number in range(kinds):
        members = [(tile, index) for index in np.flatnonzero(kind == number).tolist() for tile in around[index]]
        seeds = np.array(members, np.int32).reshape(-1, 2)
        _spread(step, seeds, frontier, thing[:, :, number], distance[:, :, number])
        _point(step, thing[:, :, number], distance[:, :, number], route[:, :, number])
    return Routes(thing, distance, route)


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
        for c in range(len(thing)):
            if thing[c, tile] == number:
                steps = distance[c, tile] + 1
        for direction in range(4):
            target = step[tile, direction]
            if _claim(thing, distance, target, number, steps):
                frontier[end, 0] = target
                frontier[end, 1] = number
                end += 1


@seldom
def _claim(thing: np.ndarray, distance: np.ndarray, tile: int, number: int, steps: int) -> bool:
    """Enter an object among a tile's nearest, if there is room and it is not there yet."""
    for c in range(len(thing)):
        if thing[c, tile] == number:
            return False
        if thing[c, tile] < 0:
            thing[c, tile] = number
            distance[c, tile] = steps
            return True
    return False


@entry
def _point(step: np.ndarray, thing: np.ndarray, distance: np.ndarray, route: np.ndarray) -> None:
    """Mark for every tile and object the directions that lead nearer, and those that keep the distance."""
    for tile in range(thing.shape[1]):
        for c in range(len(thing)):
            if thing[c, tile] < 0:
                break
            for direction in range(4):
                target = step[tile, direction]
                if target == tile:
                    continue
                for other in range(len(thing)):
                    if thing[other, target] == thing[c, tile]:
                        if distance[other, target] < distance[c, tile]:
                            route[c, tile] |= 1 << direction
                        elif distance[other, target] == distance[c, tile]:
                            route[c, tile] |= 16 << direction
