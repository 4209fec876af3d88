"""Buildings of a drawn town: as many as its people need, each large enough for what is in it."""

from __future__ import annotations

from typing import Any

from townlet.config.blueprint.draws import Draws
from townlet.config.drawn.capacities import OBJECTS, Capacities

#: Tiles of a building's depth, walls included: fewest and most. In less depth, whoever uses an object fills the aisle.
_DEPTH = (6, 9)


def draw_buildings(number: int, capacities: Capacities, people: int) -> dict[str, dict[str, Any]]:
    """Draw the section ``blueprint.buildings``, with as much of everything per head for another number of people."""
    factor = people / capacities.people
    buildings = {}
    for kind, types in OBJECTS.items():
        before = capacities.homes if kind == "home" else 1
        # Nobody is without a home.
        count = -(-people * before // capacities.people) if kind == "home" else max(round(factor), 1)
        objects = {one: max(round(before * capacities.objects[one] * factor / count), 1) for one in types}
        family = -(-people // count) if kind == "home" else 0
        buildings[kind] = {"count": count, **_shape(Draws(number, f"shape of {kind}"), kind, objects, family)}
    return buildings


def _shape(draws: Draws, kind: str, objects: dict[str, int], family: int) -> dict[str, Any]:
    doors = 1 + draws.below(2 if kind == "home" else 3)
    door = 2 + (draws.unit() < 0.25)
    depth = _DEPTH[0] + draws.below(_DEPTH[1] - _DEPTH[0] + 1)
    # Objects stand in two rows, with room between them for those who queue. A door takes its own tiles of the rows and
    # one on either side.
    room = 2 * sum(objects.values()) + doors * (door + 2)
    width = max(-(-room // 2) + 2, 5) + draws.below(4)
    while (width - 2) * (depth - 2) - sum(objects.values()) - doors * door < family:
        width += 1
    return {"size": [width, depth], "doors": doors, "door_width": door, "objects": objects}
