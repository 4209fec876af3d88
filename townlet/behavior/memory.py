"""The memory of a behaviour: the hidden state of a recurrent network for every slot of each town that it acts in.

A state advances at the choices from which a network learns: in every tick of a person in town, or, of a network that
commits itself, at decisions alone. In all other ticks it stays. So it is a function of what is recorded, since nothing
is recorded of the observations in between, where nobody chooses, of towns that are drawn. It begins as zeros with every
episode: at a reset, and with a newcomer.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol, cast
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from townlet.rollout import aligned_zeros

if TYPE_CHECKING:
    from townlet.behavior.base import Behavior
    from townlet.world import Town

States = NDArray[np.float32]


class SlotMemory:
    """Hidden states of ``units`` numbers, one for each slot of every town.

    A town's states are kept as long as the town, whichever of its parts or views acts. Several threads may use it, each
    for its own worlds.
    """

    def __init__(self, units: int) -> None:
        self.units = units
        self._states: WeakKeyDictionary[object, States] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def before(self, town: Town) -> States:
        """The states before the coming choice, float32 [W, A, H]: the memory itself, to be overwritten."""
        whole = _whole(town)
        first = getattr(town, "first_world", 0) - getattr(whole, "first_world", 0)
        states = self.of_all(town)[first : first + len(town.alive)]
        states[town.begins] = 0.0
        return states

    def of_all(self, town: Town) -> States:
        """The states of all worlds as the last choice left them, also those of which ``town`` is only a part."""
        whole = _whole(town)
        with self._lock:
            found = self._states.get(whole)
            if found is None:
                shape = (cast("Town", whole).worlds, town.alive.shape[1], self.units)
                found = self._states.setdefault(whole, aligned_zeros(shape, np.float32))
        return found


class Remembering(Protocol):
    """A behaviour with a memory."""

    state_units: int
    """Numbers in a slot's state; 0 without a memory."""

    def recall(self, town: Town, state: States) -> None:
        """Fill ``state``, float32 [W, A, H], with everybody's state before the coming choice."""


def state_units_of(behavior: Behavior) -> int:
    """Numbers in the state that a behaviour keeps for each slot; 0 without a memory."""
    return int(getattr(behavior, "state_units", 0))


def recall(behavior: Behavior, town: Town, state: States) -> None:
    """Fill ``state``, float32 [W, A, H], with the states before the coming choice; H = 0 costs nothing."""
    if state.shape[-1]:
        cast("Remembering", behavior).recall(town, state)


def _whole(town: Town) -> object:
    """What stands for all worlds of a town, and lives as long as any part of it."""
    return getattr(town, "whole", town)
