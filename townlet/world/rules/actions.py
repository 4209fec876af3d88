"""The action space: the actions' numbers and names."""

from __future__ import annotations

from collections.abc import Sequence

from townlet.world.engine.compile import rule
from townlet.world.state.arrays import TownState

WAIT, NORTH, SOUTH, WEST, EAST = 0, 1, 2, 3, 4
#: ``request`` of object type ``t`` is action REQUEST + t.
REQUEST = 5
#: The other actions follow the last request; these numbers count from :func:`after_requests`.
START, RELEASE, PUSH, YIELD, LEAVE, CHAT = 0, 1, 2, 3, 4, 5

_BEFORE = ("wait", "move_north", "move_south", "move_west", "move_east")
_AFTER = ("start", "release", "push_in", "yield", "leave_queue", "chat")


def action_names(object_types: Sequence[str]) -> list[str]:
    """The names of the actions by number; fixed by the order of the scenario's object types."""
    return [*_BEFORE, *(f"request_{name}" for name in object_types), *_AFTER]


@rule
def after_requests(town: TownState) -> int:
    """The number of the first action after the requests; START to CHAT are added to it."""
    return int(REQUEST + town.target.shape[2])
