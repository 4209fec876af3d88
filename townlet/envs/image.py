"""A town painted with NumPy alone: tiles as cells, objects as inlaid squares, people as discs, queues and grudges as
lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.envs.scene import Figure, Scene, Thing

#: The longer side of an image is about this many pixels, unless a tile would then be smaller or larger than sensible.
LONG_SIDE = 640
SMALLEST_TILE, LARGEST_TILE = 6, 48

FLOOR, SEAM, WALL, WALL_EDGE = (246, 243, 236), (232, 227, 216), (74, 82, 94), (52, 59, 69)
INK, PAPER, GRUDGE = (43, 52, 64), (255, 255, 255), (142, 36, 170)
#: Told apart by the colour-blind; after Okabe and Ito (2008).
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
#: Calm ones, so that people stand out.
OBJECTS = ((158, 190, 214), (226, 182, 140), (170, 205, 170), (214, 178, 206), (222, 208, 146), (180, 186, 196))
#: The ring round a person says its part at an object.
RINGS = {"uses": INK, "holds": INK, "finished": INK, "waits": PAPER, "": PAPER}

Color = tuple[int, int, int]


class TownPainter:
    """Paints scenes of one town; walls, floor and objects are painted once."""

    def __init__(self, scene: Scene) -> None:
        height, width = scene.walls.shape
        self._tile = min(max(LONG_SIDE // max(height, width), SMALLEST_TILE), LARGEST_TILE)
        self._ground = self._paint_ground(scene)

    def paint(self, scene: Scene) -> NDArray[np.uint8]:
        """A moment, uint8 [height × tile, width × tile, 3]; a new array each time."""
        image = self._ground.copy()
        where = {person.slot: person for person in scene.people}
        for grudge in scene.grudges:
            self._paint_grudge(image, where[grudge.holder], where[grudge.against], grudge.strength)
        for thing in scene.objects:
            self._paint_queue(image, thing, where)
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
        for thing in scene.objects:
            color = OBJECTS[scene.types.index(thing.type) % len(OBJECTS)]
            top, left = thing.y * tile, thing.x * tile
            ground[top : top + tile, left : left + tile] = _rgb(color) * 0.72
            ground[top + inset : top + tile - inset, left + inset : left + tile - inset] = color
        return ground

    def _paint_queue(self, image: NDArray[np.float32], thing: Thing, where: dict[int, Figure]) -> None:
        """A line from the object to whoever has it, and on from there through the queue, in its order."""
        place: Thing | Figure = thing
        for rank, slot in enumerate([thing.holder, *thing.queue]):
            if slot is not None and slot in where:
                self._line(image, place, where[slot], INK, 0.9 if rank == 0 else 0.55)
                place = where[slot]

    def _paint_grudge(self, image: NDArray[np.float32], holder: Figure, against: Figure, strength: float) -> None:
        """A line beside that of a grudge the other way, the thicker the stronger."""
        (x1, y1), (x2, y2) = self._center(holder), self._center(against)
        side = 0.16 * self._tile / max(np.hypot(x2 - x1, y2 - y1), 1.0)
        dx, dy = (y1 - y2) * side, (x2 - x1) * side
        radius = self._tile * (0.02 + 0.08 * strength)
        self._stroke(image, (x1 + dx, y1 + dy), (x2 + dx, y2 + dy), radius, GRUDGE, 0.3 + 0.6 * strength)

    def _paint_person(self, image: NDArray[np.float32], person: Figure) -> None:
        center = self._center(person)
        busy = RINGS[person.role] == INK
        self._disc(image, center, self._tile * 0.40, RINGS[person.role])
        self._disc(image, center, self._tile * (0.30 if busy else 0.33), PEOPLE[person.slot % len(PEOPLE)])
        if person.role == "uses":
            self._disc(image, center, self._tile * 0.11, PAPER)

    def _center(self, place: Thing | Figure) -> tuple[float, float]:
        return (place.x + 0.5) * self._tile, (place.y + 0.5) * self._tile

    def _disc(self, image: NDArray[np.float32], center: tuple[float, float], radius: float, color: Color) -> None:
        self._stroke(image, center, center, radius, color, 1.0)

    def _line(
        self, image: NDArray[np.float32], start: Thing | Figure, end: Thing | Figure, color: Color, opacity: float
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
        """Blend in all that is within ``radius`` pixels of a segment, with smooth edges; a point makes a disc."""
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
