"""The view that a scenario configures: what observations contain, and how they are scaled."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.world.observation.schema import observation_schema_of
from townlet.world.state.layout import TownLayout

if TYPE_CHECKING:
    from townlet.config.scenario import Scenario

#: Entries of ``View.scale``: factors for a column, a row, columns and rows to an object, steps, ticks of the day, and
#: columns and rows to a neighbor.
X, Y, WIDTH, HEIGHT, DISTANCE, DAY, SIGHT = 0, 1, 2, 3, 4, 5, 6


class View(NamedTuple):
    """What observations contain, and the factors that bring it between −1 and 1."""

    neighbors: int
    """The most people whose features are shown."""
    map_radius: int
    """Tiles that the map shows in each direction; 0 without a map."""
    routes: int
    """1 if the steps that lead to objects are shown, else 0."""
    offers: int
    """1 if what objects offer is shown, else 0."""
    scale: NDArray[np.float64]
    """float64 [7]: the factors, in the order X to SIGHT."""
    map_blocked: NDArray[np.float32]
    """float32 [height + 2 radii, width + 2 radii]: 1 for walls, objects and everything beyond the edge."""
    map_object: NDArray[np.float32]
    """float32, the same shape: 1 for objects."""
    hidden: NDArray[np.int64]
    """int64 [H]: features that are always 0."""


def build_view(scenario: Scenario, layout: TownLayout) -> View:
    """The view that a scenario configures."""
    config = scenario.observations
    radius = config.map_radius if config.mode != "compact" else 0
    shape = (layout.height, layout.width)
    objects = np.zeros(layout.height * layout.width, np.float32)
    objects[layout.object_tile] = 1.0
    schema = observation_schema_of(scenario)
    width, height = layout.width, layout.height
    full = (max(width - 1, 1), max(height - 1, 1), width, height, width + height, scenario.ticks_per_day, layout.sight)
    return View(
        neighbors=config.neighbors,
        map_radius=radius,
        routes=int(config.mode == "full"),
        offers=int(config.offers),
        scale=1.0 / np.array(full, np.float64),
        map_blocked=np.pad(layout.blocked.reshape(shape).astype(np.float32), radius, constant_values=1.0),
        map_object=np.pad(objects.reshape(shape), radius),
        hidden=np.array(
            [i for i, entry in enumerate(schema) if entry["conflict"] and not config.conflict_features], np.int64
        ),
    )
