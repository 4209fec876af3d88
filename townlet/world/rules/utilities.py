"""Power and water: whether an outage of them lasts."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.state.arrays import TownState
from townlet.world.state.constants import POWER, WATER


@rule
def lacking(town: TownState, utility: int, w: int) -> bool:
    """Whether a utility is off."""
    now = town.worlds[w]
    return bool(
        (utility == POWER and now.tick < now.power_off_until) or (utility == WATER and now.tick < now.water_off_until)
    )
