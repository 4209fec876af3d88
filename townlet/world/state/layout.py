"""The layout of a town, which never changes: tiles, objects, workplaces, and the routes to them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.config.town import NEEDS, TRAITS
from townlet.world.state.routes import NEAREST, Routes, find_routes, find_ways

if TYPE_CHECKING:
    from townlet.config.scenario import Scenario

#: Objects of one type that people consider from a tile: the nearest.
CANDIDATES = 4
#: Tiles per word of the occupancy grid; a word also repeats the first bits of the next one.
WORD_TILES = 32
#: Rows of that grid that are searched together.
ROWS_AT_ONCE = 8
#: Bits for a row or a column of the view.
TILE_BITS = 6

#: A tile in view.
AROUND = np.dtype(
    [
        ("offset", np.int64),  # its number minus that of the person's tile
        ("key", np.int64),  # squared distance, row and column in view, from the highest bit on: less is nearer
    ]
)


class TownLayout(NamedTuple):
    """Static arrays. Tiles are numbered ``y × width + x``; a tile that touches an object is within reach of it."""

    width: int
    height: int
    people: int
    sight: int
    """Tiles that people see in each direction."""
    in_view: NDArray[np.int64]
    """int64 [rows, a multiple of ROWS_AT_ONCE]: one bit per tile of each row in view, the westernmost the lowest; 0 for
    the person's own tile and in the rows beyond the view."""
    bits_in_word: int
    """Bits of as many whole rows of the view as fit into one number."""
    around: NDArray[Any]
    """AROUND [rows × columns in view]: the tiles in view, row by row."""
    margin: int
    """Rows and columns that the occupancy grid has around the map: as far as anything is seen."""
    blocked: NDArray[np.bool_]
    """bool [tiles]: wall or object."""
    region: NDArray[np.int64]
    """int64 [tiles]: number of the connected area of a free tile, −1 where blocked."""
    step: NDArray[np.int32]
    """int32 [tiles, 4]: the tile to the north, south, west and east, or the tile itself where that is blocked."""
    open_directions: NDArray[np.uint8]
    """uint8 [tiles]: one bit for each of these that is not blocked, north the lowest."""
    object_tile: NDArray[np.int32]
    """int32 [O]."""
    object_x: NDArray[np.int32]
    object_y: NDArray[np.int32]
    object_type: NDArray[np.int32]
    """int32 [O], index into the scenario's object types."""
    near_object: NDArray[np.int16]
    """int16 [tiles, T, CANDIDATES]: the nearest objects of a type by walking distance, −1 where there are no more."""
    near_distance: NDArray[np.int16]
    """int16 [tiles, T, CANDIDATES]: steps until they are within reach."""
    near_route: NDArray[np.uint8]
    """uint8 [tiles, T, CANDIDATES]: the routes to them; see :class:`townlet.world.state.routes.Routes`."""
    nearest: NDArray[Any]
    """NEAREST [tiles, T]: the nearest object of each type, the first in the three tables above."""
    work: NDArray[Any]
    """WAY [workplaces, tiles]: the way to each workplace. Stored workplace by workplace, so that after a step a
    person's next entry is close to the last one in memory."""
    work_row: NDArray[np.int32]
    """int32 [A]: row of a person's workplace in ``work``, −1 without a job."""
    staff: NDArray[np.int32]
    """int32 [O, most per workplace]: the people who work at an object, then −1."""
    start_tile: NDArray[np.int32]
    """int32 [A]."""
    start_needs: NDArray[np.float64]
    """float64 [A, 3]."""
    traits: NDArray[np.float64]
    """float64 [A, 4]: extroversion, forgiveness, ambition and patience of the people in a slot."""
    workplace: NDArray[np.int32]
    """int32 [A]: object at which a person works, −1 without a job."""
    shift: NDArray[np.int32]
    """int32 [A, 2]: first tick of the day of a person's shift, and the tick after its last."""
    wage: NDArray[np.float64]
    """float64 [A], per tick."""

    @property
    def types(self) -> int:
        """Number of object types."""
        return int(self.near_object.shape[1])


def build_layout(scenario: Scenario) -> TownLayout:
    """The layout of a scenario."""
    width, height, view = scenario.map.width, scenario.map.height, scenario.observations
    objects, people = list(scenario.objects.values()), list(scenario.people.values())
    names = {name: index for index, name in enumerate(scenario.objects)}
    types = {name: index for index, name in enumerate(scenario.object_types)}
    blocked = np.zeros((height, width), np.bool_)
    for wall in scenario.map.walls:
        (x1, x2), (y1, y2) = (sorted(pair) for pair in zip(wall.corner, wall.opposite, strict=True))
        blocked[y1 : y2 + 1, x1 : x2 + 1] = True
    for thing in objects:
        blocked[thing.at[1], thing.at[0]] = True
    step = _steps(blocked)
    object_tile = np.array([thing.at[1] * width + thing.at[0] for thing in objects], np.int32)
    object_type = np.array([types[thing.type] for thing in objects], np.int32)
    around = [_tiles_around(blocked, thing.at) for thing in objects]
    near = find_routes(step, around, object_type, len(types), CANDIDATES)
    jobs = [scenario.jobs[person.job] if person.job else None for person in people]
    workplace = np.array([names[job.workplace] if job else -1 for job in jobs], np.int32)
    workplaces = sorted({int(o) for o in workplace if o >= 0})
    return TownLayout(
        width=width,
        height=height,
        people=len(people),
        sight=view.view_radius,
        in_view=_in_view(view.view_radius),
        bits_in_word=63 - 63 % (2 * view.view_radius + 1),
        around=_around(view.view_radius, width),
        margin=view.view_radius if view.mode == "compact" else max(view.view_radius, view.map_radius),
        blocked=blocked.ravel(),
        region=_regions(blocked),
        step=step,
        open_directions=np.packbits(step != np.arange(len(step))[:, None], axis=1, bitorder="little").ravel(),
        object_tile=object_tile,
        object_x=object_tile % np.int32(width),
        object_y=object_tile // np.int32(width),
        object_type=object_type,
        near_object=near.object,
        near_distance=near.distance,
        near_route=near.route,
        nearest=_nearest(near, object_tile, width, height),
        work=find_ways(step, [around[o] for o in workplaces]),
        work_row=np.array([workplaces.index(o) if o >= 0 else -1 for o in workplace], np.int32),
        staff=_staff(workplace, len(objects)),
        start_tile=np.array([person.at[1] * width + person.at[0] for person in people], np.int32),
        start_needs=np.array([[person.needs.get(need, 1.0) for need in NEEDS] for person in people], np.float64),
        traits=np.array([[getattr(person.personality, trait) for trait in TRAITS] for person in people], np.float64),
        workplace=workplace,
        shift=np.array([(job.start, job.end) if job else (0, 0) for job in jobs], np.int32),
        wage=np.array([job.wage if job else 0.0 for job in jobs], np.float64),
    )


def _nearest(near: Routes, object_tile: NDArray[np.int32], width: int, height: int) -> NDArray[Any]:
    nearest = np.zeros(near.object.shape[:2], NEAREST).view(np.recarray)
    nearest["object"] = near.object[..., 0]
    nearest["route"] = near.route[..., 0]
    y, x = np.divmod(np.arange(len(nearest), dtype=np.int32)[:, None], np.int32(width))
    tile = object_tile[near.object[..., 0]]
    # Rounded to single precision only at the end, as for any other object.
    nearest["dx"], nearest["dy"] = (tile % width - x) * (1.0 / width), (tile // width - y) * (1.0 / height)
    nearest["distance"] = np.minimum(near.distance[..., 0] * (1.0 / (width + height)), 1.0)
    return nearest


def _in_view(sight: int) -> NDArray[np.int64]:
    side = 2 * sight + 1
    rows = np.zeros(-(-side // ROWS_AT_ONCE) * ROWS_AT_ONCE, np.int64)
    rows[:side] = (1 << side) - 1
    rows[sight] ^= 1 << sight
    return rows


def _around(sight: int, width: int) -> NDArray[Any]:
    row, column = np.indices((2 * sight + 1, 2 * sight + 1))
    dy, dx = row - sight, column - sight
    around = np.zeros(row.size, AROUND).view(np.recarray)
    around["offset"] = (dy * width + dx).ravel()
    around["key"] = ((((dy * dy + dx * dx) << TILE_BITS) + row << TILE_BITS) + column).ravel()
    return around


def _steps(blocked: NDArray[np.bool_]) -> NDArray[np.int32]:
    height, width = blocked.shape
    tile = np.arange(height * width, dtype=np.int32).reshape(height, width)
    step = np.repeat(tile[..., None], 4, axis=-1)
    step[1:, :, 0], step[:-1, :, 1] = tile[:-1], tile[1:]
    step[:, 1:, 2], step[:, :-1, 3] = tile[:, :-1], tile[:, 1:]
    free = ~blocked.ravel()
    step = step.reshape(-1, 4)
    return np.where(free[step], step, tile.reshape(-1, 1))


def _tiles_around(blocked: NDArray[np.bool_], at: tuple[int, int]) -> list[int]:
    """The free tiles that touch ``at``, corners included."""
    height, width = blocked.shape
    rows = range(max(at[1] - 1, 0), min(at[1] + 2, height))
    columns = range(max(at[0] - 1, 0), min(at[0] + 2, width))
    return [y * width + x for y in rows for x in columns if not blocked[y, x]]


def _staff(workplace: NDArray[np.int32], objects: int) -> NDArray[np.int32]:
    members: list[list[int]] = [[] for _ in range(objects)]
    for person, o in enumerate(workplace):
        if o >= 0:
            members[o].append(person)
    most = max([1, *map(len, members)])
    return np.array([row + [-1] * (most - len(row)) for row in members], np.int32).reshape(objects, most)


def _regions(blocked: NDArray[np.bool_]) -> NDArray[np.int64]:
    height, width = blocked.shape
    region = np.full(blocked.shape, -1, np.int64)
    count = 0
    for start in np.argwhere(~blocked).tolist():
        if region[start[0], start[1]] >= 0:
            continue
        region[start[0], start[1]] = count
        frontier = deque([start])
        while frontier:
            y, x = frontier.popleft()
            for ny, nx in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= ny < height and 0 <= nx < width and not blocked[ny, nx] and region[ny, nx] < 0:
                    region[ny, nx] = count
                    frontier.append([ny, nx])
        count += 1
    return region.ravel()
