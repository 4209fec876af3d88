"""The interface of a loop, from which a training collects its experience."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from townlet.behavior.base import Behavior
from townlet.rollout import RolloutBuffer


class LoopTown(Protocol):
    """The worlds of a loop and the spaces of observations and actions in them."""

    worlds: int

    @property
    def people(self) -> list[str]:
        """The names of the people in one world."""
        ...

    @property
    def observation_schema(self) -> list[dict[str, Any]]:
        """One entry per feature of the observation."""
        ...

    @property
    def action_names(self) -> list[str]:
        """The name of every action."""
        ...


class Loop(Protocol):
    """Worlds that a behaviour acts in, rollout after rollout.

    :class:`townlet.simulation.SimulationLoop` runs a town, :class:`townlet.training.towns_loop.TownsLoop` many drawn
    ones, and :class:`townlet.training.environment.loop.EnvironmentLoop` environments that are no towns.
    """

    @property
    def town(self) -> LoopTown:
        """The worlds themselves."""
        ...

    def new_buffer(self, ticks: int, state_units: int = 0) -> RolloutBuffer:
        """An empty buffer for ``ticks`` ticks of this loop, with hidden states of ``state_units`` numbers."""
        ...

    def collect(self, buffer: RolloutBuffer, behavior: Behavior) -> None:
        """Fill the buffer with the ticks that follow."""
        ...


@runtime_checkable
class SavedLoop(Protocol):
    """A loop that says itself what a checkpoint must hold of its worlds."""

    def saved(self) -> dict[str, NDArray[Any]]:
        """Everything that the next rollout depends on, as arrays; their shapes may change from rollout to rollout."""
        ...

    def restore(self, arrays: Mapping[str, NDArray[Any]], file: str) -> None:
        """Go back to where the loop was when :meth:`saved` returned ``arrays``.

        Raises InputError, with ``file`` as the file, for arrays that are not of such worlds.
        """
        ...
