"""Images of a town, painted with NumPy alone.

Tiles are cells, objects inlaid squares and people discs; queues and grudges are lines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.envs.scene import Scene, SceneObject, ScenePerson

#: Approximate length of an image's longer side in pixels, within the limits on a tile's size.
LONG_SIDE = 640
SMALLEST_TILE, LARGEST_TILE = 6, 48

FLOOR, SEAM, WALL, WALL_EDGE = (246, 243, 236), (232, 227, 216), (74, 82, 94), (52, 59, 69)
INK, PAPER, GRUDGE = (43, 52, 64), (255, 255, 255), (142, 36, 170)
#: Colours that colour-blind people can distinguish, after Okabe and Ito (2008).
PEOPLE = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
    (140, 107, 177),
    (146, 73, 0),
    (0, 73, 73),
)
#: Muted colours, so that people stand out.
OBJECTS = ((158, 190, 214), (226, 182, 140), (170, 205, 170), (214, 178, 206), (222, 208, 146), (180, 186, 196))
#: Colour of the ring around a person, by role at an object.
RINGS = {"uses": INK, "holds": INK, "finished": INK, "waits": PAPER, "": PAPER}

Color = tuple[int, int, int]


class TownPainter:
    """Painter of one town's scenes; walls, floor and objects are painted once."""

    def __init__(self, scene: Scene) -> None:
        height, width = scene.walls.shape
        self._tile = min(max(LONG_SIDE // max(height, width), SMALLEST_TILE), LARGEST_TILE)
        self._ground = self._paint_ground(scene)

    def paint(self, scene: Scene) -> NDArray[np.uint8]:
        """Paint a scene: a new array, uint8 [height × tile, width × tile, 3]."""
        image = self._ground.copy()
        where = {person.slot: person for person in scene.people}
        for grudge in scene.grudges:
            self._paint_grudge(image, where[grudge.holder], where[grudge.against], grudge.strength)
        for item in scene.objects:
            self._paint_queue(image, item, where)
        for person in scene.people:
            self._paint_person(image, person)
        return np.rint(image).astype(np.uint8)

    def _paint_ground(self, scene: Scene) -> NDArray[np.float32]:
        tile = self._tile
        cells = np.where(scene.walls[..., None], _rgb(WALL), _rgb(FLOOR))
        ground = cells.repeat(tile, axis=0).repeat(tile, axis=1)
        seam = np.where(scene.walls[..., None], _rgb(WALL_EDGE), _rgb(SEAM))
        ground[::tile] = seam.repeat(tile, axis=1)
        ground[:, ::tile] = seam.repeat(tile, axis=0)
        inset = max(tile // 10, 1)
        for item in scene.objects:
            color = OBJECTS[scene.types.index(item.type) % len(OBJECTS)]
            top, left = item.y * tile, item.x * tile
            ground[top : top + tile, left : left + tile] = _rgb(color) * 0.72
            ground[top + inset : top + tile - inset, left + inset : left + tile - inset] = color
        return ground

    def _paint_queue(self, image: NDArray[np.float32], item: SceneObject, where: dict[int, ScenePerson]) -> None:
        """Paint a line from the object to its holder and on through the queue, in order."""
        place: SceneObject | ScenePerson = item
        for rank, slot in enumerate([item.holder, *item.queue]):
            if slot is not None and slot in where:
                self._line(image, place, where[slot], INK, 0.9 if rank == 0 else 0.55)
                place = where[slot]

    def _paint_grudge(
        self, image: NDArray[np.float32], holder: ScenePerson, against: ScenePerson, strength: float
    ) -> None:
        """Paint a line, thicker for a stronger grudge, beside that of a grudge in the opposite direction."""
        (x1, y1), (x2, y2) = self._center(holder), self._center(against)
        side = 0.16 * self._tile / max(np.hypot(x2 - x1, y2 - y1), 1.0)
        dx, dy = (y1 - y2) * side, (x2 - x1) * side
        radius = self._tile * (0.02 + 0.08 * strength)
        self._stroke(image, (x1 + dx, y1 + dy), (x2 + dx, y2 + dy), radius, GRUDGE, 0.3 + 0.6 * strength)

    def _paint_person(self, image: NDArray[np.float32], person: ScenePerson) -> None:
        center = self._center(person)
        busy = RINGS[person.role] == INK
        self._disc(image, center, self._tile * 0.40, RINGS[person.role])
        self._disc(image, center, self._tile * (0.30 if busy else 0.33), PEOPLE[person.slot % len(PEOPLE)])
        if person.role == "uses":
            self._disc(image, center, self._tile * 0.11, PAPER)

    def _center(self, place: SceneObject | ScenePerson) -> tuple[float, float]:
        return (place.x + 0.5) * self._tile, (place.y + 0.5) * self._tile

    def _disc(self, image: NDArray[np.float32], center: tuple[float, float], radius: float, color: Color) -> None:
        self._stroke(image, center, center, radius, color, 1.0)

    def _line(
        self,
        image: NDArray[np.float32],
        start: SceneObject | ScenePerson,
        end: SceneObject | ScenePerson,
        color: Color,
        opacity: float,
    ) -> None:
        self._stroke(image, self._center(start), self._center(end), max(self._tile * 0.06, 0.7), color, opacity)

    def _stroke(
        self,
        image: NDArray[np.float32],
        start: tuple[float, float],
        end: tuple[float, float],
        radius: float,
        color: Color,
        opacity: float,
    ) -> None:
        """Blend in everything within ``radius`` pixels of a segment, with smooth edges; a point gives a disc."""
        (x1, y1), (x2, y2) = start, end
        left, right = int(max(min(x1, x2) - radius - 1, 0)), int(max(x1, x2) + radius + 2)
        top, bottom = int(max(min(y1, y2) - radius - 1, 0)), int(max(y1, y2) + radius + 2)
        part = image[top:bottom, left:right]
        y, x = np.mgrid[top : top + part.shape[0], left : left + part.shape[1]].astype(np.float32) + 0.5
        dx, dy = x2 - x1, y2 - y1
        along = np.clip(((x - x1) * dx + (y - y1) * dy) / max(dx * dx + dy * dy, 1e-9), 0.0, 1.0)
        distance = np.hypot(x - x1 - along * dx, y - y1 - along * dy)
        cover = np.clip(radius - distance + 0.5, 0.0, 1.0)[..., None] * opacity
        part += cover * (_rgb(color) - part)


def _rgb(color: Color) -> NDArray[np.float32]:
    return np.array(color, np.float32)
