"""Utilities: power and water, and whether there is an outage of one."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.state.arrays import TownState
from townlet.world.state.constants import POWER, WATER


@rule
def is_utility_off(town: TownState, utility: int, w: int) -> bool:
    """Whether a utility is off; NO_UTILITY never is."""
    now = town.worlds[w]
    return bool(
        (utility == POWER and now.tick < now.power_off_until) or (utility == WATER and now.tick < now.water_off_until)
    )
