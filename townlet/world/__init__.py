"""The town: arrays for a batch of worlds, the rules that step them, and the observations."""

from townlet.event_kinds import EVENT_KINDS
from townlet.world.state.arrays import SHIFT_STATES, TALLY, TownState
from townlet.world.state.events import CONFLICT_KINDS, COUNTERS
from townlet.world.town import Town

__all__ = [
    "CONFLICT_KINDS",
    "COUNTERS",
    "EVENT_KINDS",
    "SHIFT_STATES",
    "TALLY",
    "Town",
    "TownState",
]
