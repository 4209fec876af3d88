"""Construction of one building: walls with doors, objects along the walls, and free tiles inside."""

from __future__ import annotations

from typing import NamedTuple

from townlet.config.blueprint.draws import Draws
from townlet.config.blueprint.misfits import Misfit, refusal
from townlet.config.blueprint.model import BuildingBlueprint
from townlet.config.blueprint.streets import Lot
from townlet.config.town import Tile

#: A straight wall, both ends included.
Segment = tuple[Tile, Tile]


class Building(NamedTuple):
    """A constructed building."""

    lot: Lot
    walls: list[Segment]
    objects: dict[str, tuple[str, Tile]]
    """Type and tile of each object, by name."""
    free: list[Tile]
    """Tiles inside on which people can start: without an object, and not just behind a door."""


class _Side(NamedTuple):
    """One side of a building: a straight wall, and the direction inwards."""

    start: Tile
    step: Tile
    """From one tile of the wall to the next."""
    inwards: Tile
    length: int

    def tile(self, place: int, inside: int = 0) -> Tile:
        return (
            self.start[0] + place * self.step[0] + inside * self.inwards[0],
            self.start[1] + place * self.step[1] + inside * self.inwards[1],
        )


def build(lot: Lot, blueprint: BuildingBlueprint, draws: Draws) -> Building:
    """Construct a building on a lot.

    No object stands where its user would block a door. Between the rows of objects along the northern and the southern
    wall runs an aisle from which every tile inside can be reached.

    Raises ValidationError if the doors or the objects do not fit.
    """
    within = min(lot.width, lot.height) - 2
    if blueprint.door_width > within:
        path = ("blueprint", "buildings", lot.kind, "door_width")
        raise refusal([Misfit(path, blueprint.door_width, f"at most {within}, the width inside at the narrow side")])
    walls, thresholds = [], []
    for place, side in enumerate(draws.shuffled(_sides(lot))):
        first, last = side.length, side.length
        if place < blueprint.doors:
            # Doors avoid the corners, which belong to the northern and the southern wall.
            corner = abs(side.step[0])
            first = corner + draws.below(side.length - 2 * corner - blueprint.door_width + 1)
            last = first + blueprint.door_width
            thresholds += [side.tile(gap, inside) for gap in range(first, last) for inside in (0, 1)]
        for begin, end in ((0, first), (last, side.length)):
            if begin < end:
                walls.append((side.tile(begin), side.tile(end - 1)))
    objects = _furnish(lot, blueprint, thresholds)
    taken = {tile for _, tile in objects.values()} | set(thresholds)
    inside = [(x, y) for y in _inner(lot.y, lot.height) for x in _inner(lot.x, lot.width)]
    return Building(lot, walls, objects, [tile for tile in inside if tile not in taken])


def _sides(lot: Lot) -> list[_Side]:
    right, bottom = lot.x + lot.width - 1, lot.y + lot.height - 1
    return [
        _Side((lot.x, lot.y), (1, 0), (0, 1), lot.width),
        _Side((lot.x, bottom), (1, 0), (0, -1), lot.width),
        _Side((lot.x, lot.y + 1), (0, 1), (1, 0), lot.height - 2),
        _Side((right, lot.y + 1), (0, 1), (-1, 0), lot.height - 2),
    ]


def _inner(start: int, length: int) -> range:
    return range(start + 1, start + length - 1)


def _furnish(lot: Lot, blueprint: BuildingBlueprint, thresholds: list[Tile]) -> dict[str, tuple[str, Tile]]:
    """Objects by name, spread evenly over the two rows along the walls."""
    rows = list(_inner(lot.y, lot.height))
    rows = [rows[0], rows[-1]] if len(rows) > 2 else rows[:-1]
    places = [[(x, y) for x in _inner(lot.x, lot.width) if not _touches(thresholds, x, y)] for y in rows]
    count, room = sum(blueprint.objects.values()), sum(map(len, places))
    if count > room:
        path = ("blueprint", "buildings", lot.kind, "objects")
        expected = f"at most {room} objects, as many as the {lot.width}×{lot.height} {lot.name} has room for"
        raise refusal([Misfit(path, blueprint.objects, expected)])
    tiles: list[Tile] = []
    for row in places:
        share = count - len(tiles) if row is places[-1] else count * len(row) // max(room, 1)
        tiles += [row[(2 * place + 1) * len(row) // (2 * share)] for place in range(share)]
    names = [
        (kind, f"{kind}_{lot.name}" if number == 1 else f"{kind}_{lot.name}_{place + 1}")
        for kind, number in blueprint.objects.items()
        for place in range(number)
    ]
    return {name: (kind, tile) for (kind, name), tile in zip(names, tiles, strict=True)}


def _touches(tiles: list[Tile], x: int, y: int) -> bool:
    return any(abs(tile[0] - x) <= 1 and abs(tile[1] - y) <= 1 for tile in tiles)
