"""What never changes in a town: tiles, objects, who works where, and how far everything is."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.config.scenario import Scenario
from townlet.config.town import NEEDS

#: Distance of a tile from which an object cannot be reached.
UNREACHABLE = 32767
#: Nearest objects of one type that a person considers from a tile.
CANDIDATES = 4


class TownLayout(NamedTuple):
    """Static arrays. Tiles are numbered ``y × width + x``; a tile is in reach of an object if it touches it."""

    width: int
    height: int
    people: int
    blocked: NDArray[np.bool_]
    """bool [tiles]: wall or object."""
    region: NDArray[np.int64]
    """int64 [tiles]: number of the connected area that a free tile belongs to, −1 where blocked."""
    object_tile: NDArray[np.int64]
    """int64 [O]."""
    object_type: NDArray[np.int64]
    """int64 [O], index into the scenario's object types."""
    distance: NDArray[np.int64]
    """int64 [O, tiles]: steps to the nearest tile in reach of the object, 0 in reach, or UNREACHABLE."""
    nearest: NDArray[np.int64]
    """int64 [T, tiles, CANDIDATES]: objects of a type by distance from a tile, −1 where there are no more."""
    start_tile: NDArray[np.int64]
    """int64 [A]."""
    start_needs: NDArray[np.float64]
    """float64 [A, 3]."""
    workplace: NDArray[np.int64]
    """int64 [A]: object where the person works, −1 without a job."""
    shift: NDArray[np.int64]
    """int64 [A, 2]: first tick of the day's shift and the tick after its last."""
    wage: NDArray[np.float64]
    """float64 [A], per tick."""

    @property
    def types(self) -> int:
        """Number of object types."""
        return int(self.nearest.shape[0])


def build_layout(scenario: Scenario) -> TownLayout:
    """Lay a scenario out."""
    width, height = scenario.map.width, scenario.map.height
    objects, people = list(scenario.objects.values()), list(scenario.people.values())
    names = list(scenario.objects)
    types = {name: index for index, name in enumerate(scenario.object_types)}
    blocked = np.zeros((height, width), np.bool_)
    for wall in scenario.map.walls:
        (x1, x2), (y1, y2) = (sorted(pair) for pair in zip(wall.corner, wall.opposite, strict=True))
        blocked[y1 : y2 + 1, x1 : x2 + 1] = True
    for thing in objects:
        blocked[thing.at[1], thing.at[0]] = True
    distance = np.array([_walking_distance(blocked, thing.at) for thing in objects], np.int64).reshape(
        len(objects), width * height
    )
    object_type = np.array([types[thing.type] for thing in objects], np.int64)
    jobs = [scenario.jobs[person.job] if person.job else None for person in people]
    return TownLayout(
        width=width,
        height=height,
        people=len(people),
        blocked=blocked.ravel(),
        region=_regions(blocked),
        object_tile=np.array([thing.at[1] * width + thing.at[0] for thing in objects], np.int64),
        object_type=object_type,
        distance=distance,
        nearest=_nearest_objects(distance, object_type, len(types)),
        start_tile=np.array([person.at[1] * width + person.at[0] for person in people], np.int64),
        start_needs=np.array([[person.needs.get(need, 1.0) for need in NEEDS] for person in people], np.float64),
        workplace=np.array([names.index(job.workplace) if job else -1 for job in jobs], np.int64),
        shift=np.array([(job.start, job.end) if job else (0, 0) for job in jobs], np.int64),
        wage=np.array([job.wage if job else 0.0 for job in jobs], np.float64),
    )


def _walking_distance(blocked: NDArray[np.bool_], at: tuple[int, int]) -> NDArray[np.int64]:
    """int64 [tiles]: steps from every tile to the nearest free tile touching ``at``, corners included."""
    height, width = blocked.shape
    around = [
        (x, y)
        for y in range(max(at[1] - 1, 0), min(at[1] + 2, height))
        for x in range(max(at[0] - 1, 0), min(at[0] + 2, width))
        if not blocked[y, x]
    ]
    return _steps_from(blocked, around).ravel()


def _regions(blocked: NDArray[np.bool_]) -> NDArray[np.int64]:
    region = np.full(blocked.shape, -1, np.int64)
    for y, x in np.argwhere(~blocked).tolist():
        if region[y, x] < 0:
            region[_steps_from(blocked, [(x, y)]) < UNREACHABLE] = region.max() + 1
    return region.ravel()


def _steps_from(blocked: NDArray[np.bool_], tiles: list[tuple[int, int]]) -> NDArray[np.int64]:
    """int64 [height, width]: breadth-first steps from the nearest of some free tiles, or UNREACHABLE."""
    height, width = blocked.shape
    steps = np.full((height, width), UNREACHABLE, np.int64)
    frontier = deque(tiles)
    for x, y in tiles:
        steps[y, x] = 0
    while frontier:
        x, y = frontier.popleft()
        for nx, ny in ((x, y - 1), (x, y + 1), (x - 1, y), (x + 1, y)):
            inside = 0 <= nx < width and 0 <= ny < height
            if inside and not blocked[ny, nx] and steps[ny, nx] == UNREACHABLE:
                steps[ny, nx] = steps[y, x] + 1
                frontier.append((nx, ny))
    return steps


def _nearest_objects(distance: NDArray[np.int64], object_type: NDArray[np.int64], types: int) -> NDArray[np.int64]:
    tiles = distance.shape[1]
    nearest = np.full((types, tiles, CANDIDATES), -1, np.int64)
    for kind in range(types):
        members = np.flatnonzero(object_type == kind)
        order = np.argsort(distance[members], axis=0, kind="stable")[:CANDIDATES].T
        chosen = members[order]
        unreachable = np.take_along_axis(distance[members].T, order, axis=1) == UNREACHABLE
        nearest[kind, :, : chosen.shape[1]] = np.where(unreachable, -1, chosen)
    return nearest
