"""A loop over an environment's worlds, from rollout to rollout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import Behavior, act_within
from townlet.behavior.memory import recall
from townlet.errors import InputError
from townlet.rollout import RolloutBuffer
from townlet.telemetry.environments import NAME_FIELD, NO_TOWN
from townlet.training.environment.adapters import Adapter
from townlet.training.environment.reward_scale import RewardScale
from townlet.training.environment.worlds import EnvironmentWorlds

if TYPE_CHECKING:
    from townlet.world import Town


class EnvironmentLoop:
    """The interface of :class:`townlet.simulation.SimulationLoop` over an environment of any kind.

    Rewards go into the buffer scaled (see :class:`RewardScale`); telemetry has them unscaled. Episodes end at different
    ticks in different worlds, and agents at different ticks of an episode; one that is truncated bootstraps from its
    own last observation.

    Args:
        name: of the environment, for telemetry and errors.
        adapt: makes one environment.
        worlds: how many run side by side.
        seed: of all episodes and of the policy's draws.
        reward_scale: factor on the rewards that are learnt from; None normalises them.
        gamma: discount of the returns by which they are normalised.
    """

    def __init__(
        self,
        name: str,
        adapt: Callable[[], Adapter],
        *,
        worlds: int,
        seed: int,
        reward_scale: float | None = None,
        gamma: float = 0.99,
    ) -> None:
        self.town = EnvironmentWorlds(name, adapt, worlds, seed)
        self.scale = RewardScale(reward_scale, gamma, worlds, len(self.town.people))
        #: Undiscounted return of each agent's stay so far.
        self._return = np.zeros((worlds, len(self.town.people)), np.float64)
        self._began = False

    def new_buffer(self, ticks: int, state_units: int = 0) -> RolloutBuffer:
        """An empty buffer for ``ticks`` ticks of this loop, with hidden states of ``state_units`` numbers."""
        town = self.town
        shape = ticks, town.worlds, len(town.people), len(town.observation_schema), len(town.action_names)
        return RolloutBuffer(*shape, state_units)

    def collect(self, buffer: RolloutBuffer, behavior: Behavior) -> None:
        """Fill the buffer with the ticks that follow the worlds' present states.

        Raises EnvironmentFailed.
        """
        self.begin()
        town, ended = self.town, _Ended()
        buffer.cut_ticks.clear()
        buffer.cut_observation.clear()
        buffer.clipped[:] = False
        earned, lived = 0.0, 0
        for t in range(buffer.ticks):
            buffer.observation[t], buffer.alive[t] = town.observation, town.alive
            # A behaviour reads a town's observations, masks and draws; these worlds have all three.
            whole = cast("Town", town)
            recall(behavior, whole, buffer.state[t])
            act_within(behavior, whole, buffer.mask[t], buffer.action[t], buffer.log_prob[t], buffer.value[t])
            town.step(buffer.action[t])
            buffer.reward[t] = town.reward
            buffer.terminated[t], buffer.truncated[t] = town.terminated, town.truncated
            earned += float(town.reward.sum(dtype=np.float64, where=buffer.alive[t]))
            lived += int(buffer.alive[t].sum())
            self._count(ended)
            if t == buffer.ticks - 1 or town.truncated.any():
                buffer.cut_ticks.append(t)
                buffer.cut_observation.append(town.observation.copy())
            town.begin_next()
        mean = earned / max(lived, 1)
        # Learning reports the mean of the scaled rewards, unless the data says otherwise.
        own: dict[str, Any] = {NAME_FIELD: town.name, "reward_mean": mean, "fresh_reward_mean": mean}
        scale = {"environment.reward_scale": self.scale.apply(buffer)}
        buffer.totals = {**NO_TOWN, **own, **ended.fields(), **scale}

    def begin(self) -> None:
        """Begin the first episodes, unless that is done or the worlds were restored."""
        if not self._began:
            self._began = True
            for world in range(self.town.worlds):
                self.town.begin(world, 0)

    def saved(self) -> dict[str, NDArray[Any]]:
        """Everything that the next rollout depends on, as arrays."""
        self.begin()
        return {**self.town.saved(), **self._own()}

    def restore(self, arrays: Mapping[str, NDArray[Any]], file: str) -> None:
        """Go back to where the loop was when :meth:`saved` returned ``arrays``.

        Raises InputError, with ``file`` as the file; see :meth:`EnvironmentWorlds.restore`.
        """
        own = self._own()
        for name, array in own.items():
            if name not in arrays or arrays[name].shape != array.shape or arrays[name].dtype != array.dtype:
                raise InputError.of(file, f"worlds.{name}", "the state of other worlds", "that of these environments")
        self.town.restore({name: array for name, array in arrays.items() if name not in own}, file)
        self._began = True
        for name, array in own.items():
            array[...] = arrays[name]

    def _own(self) -> dict[str, NDArray[Any]]:
        return {"return": self._return, "reward_moments": self.scale.moments, "reward_sums": self.scale.earned}

    def _count(self, ended: _Ended) -> None:
        """Add the tick's rewards, and take note of the agents and episodes that end in it."""
        town = self.town
        self._return += town.reward
        leaving = town.terminated | town.truncated
        if leaving.any():
            ended.returns.extend(self._return[leaving].tolist())
            self._return[leaving] = 0.0
        if town.over.any():
            ended.lengths.extend(town.steps(world) for world in np.flatnonzero(town.over).tolist())


class _Ended:
    """What ended in a rollout: the returns of agents, and the lengths of episodes."""

    def __init__(self) -> None:
        self.returns: list[float] = []
        self.lengths: list[int] = []

    def fields(self) -> dict[str, float]:
        """Telemetry fields; means only where something ended."""
        fields: dict[str, float] = {"episodes_ended": len(self.lengths)}
        if self.returns:
            fields["return_mean"] = float(np.mean(self.returns))
            fields["return_min"], fields["return_max"] = min(self.returns), max(self.returns)
        if self.lengths:
            fields["episode_steps_mean"] = float(np.mean(self.lengths))
        return {f"environment.{name}": value for name, value in fields.items()}
