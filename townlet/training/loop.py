"""The interface of a loop, from which a training collects its experience."""

from __future__ import annotations

from typing import Any, Protocol

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
    ones, and :class:`townlet.training.gymnasium_loop.GymnasiumLoop` Gymnasium's environments.
    """

    @property
    def town(self) -> LoopTown:
        """The worlds themselves."""
        ...

    def new_buffer(self, ticks: int) -> RolloutBuffer:
        """An empty buffer for ``ticks`` ticks of this loop."""
        ...

    def collect(self, buffer: RolloutBuffer, behavior: Behavior) -> None:
        """Fill the buffer with the ticks that follow."""
        ...
