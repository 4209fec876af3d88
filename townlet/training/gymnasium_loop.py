"""Gymnasium environments with discrete actions in place of the town, for comparison with published scores."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from gymnasium import Env, spaces
from numpy.typing import NDArray

from townlet.behavior.memory import recall
from townlet.rollout import RolloutBuffer, aligned_zeros
from townlet.seeds import fold_seed

if TYPE_CHECKING:
    from townlet.behavior.base import Behavior
    from townlet.world import Town

MakeEnv = Callable[[], "Env[Any, Any]"]


class GymnasiumWorlds:
    """W single-agent environments, presented to a behaviour as a town with one person in each world.

    Observations are the environment's own, flattened to float32; those of a ``Discrete`` space are one-hot. Legal
    actions are those of ``info["action_mask"]`` where the environment provides it (as Taxi does), else all. Only
    :meth:`reset` resets an environment; no wrapper does it automatically.

    Only the first episode of each world is seeded, as in the published study of reference tasks, whose figures depend
    on it. Trainings that can be resumed use :class:`townlet.training.environment.worlds.EnvironmentWorlds`.

    Raises ValueError for spaces of other kinds.
    """

    def __init__(self, make_env: MakeEnv, worlds: int, seed: int) -> None:
        self.envs = [make_env() for _ in range(worlds)]
        self.worlds, self.seed, self.ticks = worlds, seed, 0
        self.people = ["agent"]
        observed, acted = self.envs[0].observation_space, self.envs[0].action_space
        if not isinstance(acted, spaces.Discrete) or not isinstance(observed, spaces.Discrete | spaces.Box):
            raise ValueError(f"spaces: found {observed} and {acted}, expected Box or Discrete, and Discrete")
        self._space = observed
        features = int(observed.n) if isinstance(observed, spaces.Discrete) else int(np.prod(observed.shape))
        self.action_names = [str(action) for action in range(int(acted.n))]
        self.observation_schema: list[dict[str, Any]] = [{"name": f"feature {index}"} for index in range(features)]
        self.observation: NDArray[np.float32] = aligned_zeros((worlds, 1, features), np.float32)
        self.mask: NDArray[np.bool_] = aligned_zeros((worlds, 1, len(self.action_names)), np.bool_)
        self.alive: NDArray[np.bool_] = np.ones((worlds, 1), np.bool_)
        self.reward: NDArray[np.float32] = aligned_zeros((worlds, 1), np.float32)
        self.terminated: NDArray[np.bool_] = np.zeros((worlds, 1), np.bool_)
        self.truncated: NDArray[np.bool_] = np.zeros((worlds, 1), np.bool_)
        for index in range(worlds):
            # Each world has episodes of its own.
            self.reset(index, seed=int(np.random.SeedSequence([seed, index]).generate_state(1)[0]))

    def close(self) -> None:
        """Free the environments' resources; they cannot be stepped any more."""
        for env in self.envs:
            env.close()

    def reset(self, world: int, seed: int | None = None) -> None:
        """Begin a new episode in one world."""
        self._see(world, *self.envs[world].reset(seed=seed))

    @property
    def begins(self) -> NDArray[np.bool_]:
        """bool [W, 1]: whatever happened in the world before belongs to an episode that is over."""
        return self.terminated | self.truncated

    def step(self, action: NDArray[np.int32]) -> None:
        """One tick of all worlds under ``action``, int32 [W, 1]. Worlds whose episode is over are not reset."""
        for world in range(self.worlds):
            self.step_one(world, int(action[world, 0]))
        self.ticks += 1

    def step_one(self, world: int, action: int) -> None:
        """One tick of one world."""
        seen, reward, terminated, truncated, info = self.envs[world].step(action)
        self.reward[world], self.terminated[world] = float(reward), terminated
        # A step may both terminate and truncate; termination counts, since nothing lies beyond it.
        self.truncated[world] = truncated and not terminated
        self._see(world, seen, info)

    def policy_draws(self) -> NDArray[np.float64]:
        """float64 [W, 1] in [0, 1): one draw per world for the coming action, a pure function of seed and tick."""
        generator = np.random.Generator(np.random.Philox(key=np.array([fold_seed(self.seed), self.ticks], np.uint64)))
        return generator.random((self.worlds, 1))

    def _see(self, world: int, seen: Any, info: dict[str, Any]) -> None:
        row = self.observation[world, 0]
        if isinstance(self._space, spaces.Discrete):
            row[:] = 0.0
            row[int(seen) - int(self._space.start)] = 1.0
        else:
            row[:] = np.asarray(seen, np.float32).ravel()
        self.mask[world, 0] = np.asarray(info["action_mask"], np.bool_) if "action_mask" in info else True


class GymnasiumLoop:
    """The interface of :class:`townlet.simulation.SimulationLoop` over Gymnasium environments.

    Rewards go into the buffer unchanged. Episodes end at different ticks in different worlds; a truncated one
    bootstraps from its own final observation. ``episode_returns`` lists the undiscounted returns of the episodes that
    ended during the last :meth:`collect`, in order.
    """

    def __init__(self, make_env: MakeEnv, *, worlds: int, seed: int) -> None:
        self.town = GymnasiumWorlds(make_env, worlds, seed)
        self.episode_returns: list[float] = []
        self._running = np.zeros(worlds, np.float64)

    def new_buffer(self, ticks: int, state_units: int = 0) -> RolloutBuffer:
        """An empty buffer for ``ticks`` ticks of this loop, with hidden states of so many numbers."""
        town = self.town
        return RolloutBuffer(ticks, town.worlds, 1, len(town.observation_schema), len(town.action_names), state_units)

    def collect(self, buffer: RolloutBuffer, behavior: Behavior) -> None:
        """Fill the buffer with the ticks that follow the environments' present states."""
        town = self.town
        buffer.cut_ticks.clear()
        buffer.cut_observation.clear()
        self.episode_returns.clear()
        buffer.alive[:] = True
        buffer.clipped[:] = False
        for t in range(buffer.ticks):
            buffer.observation[t] = town.observation
            buffer.mask[t] = town.mask
            # A behaviour reads a town's observations, masks and draws; these worlds have all three.
            recall(behavior, cast("Town", town), buffer.state[t])
            behavior.act(cast("Town", town), buffer.action[t], buffer.log_prob[t], buffer.value[t])
            town.step(buffer.action[t])
            buffer.reward[t] = town.reward
            buffer.terminated[t] = town.terminated
            buffer.truncated[t] = town.truncated
            if town.truncated.any() or t == buffer.ticks - 1:
                buffer.cut_ticks.append(t)
                buffer.cut_observation.append(town.observation.copy())
            self._end_episodes()

    def _end_episodes(self) -> None:
        self._running += self.town.reward[:, 0]
        for world in np.flatnonzero(self.town.terminated | self.town.truncated):
            self.episode_returns.append(float(self._running[world]))
            self._running[world] = 0.0
            self.town.reset(int(world))


def evaluate_policy(make_env: MakeEnv, behavior: Behavior, *, episodes: int, seed: int) -> list[float]:
    """Undiscounted returns of ``episodes`` whole episodes, each in an environment and from a seed of its own.

    Each environment plays exactly one episode, so that short episodes do not count more often than long ones.
    """
    shape = (episodes, 1)
    action = aligned_zeros(shape, np.int32)
    log_prob, value = aligned_zeros(shape, np.float32), aligned_zeros(shape, np.float32)
    total, running = np.zeros(episodes), np.ones(episodes, np.bool_)
    with closing(GymnasiumWorlds(make_env, episodes, seed)) as town:
        while running.any():
            behavior.act(cast("Town", town), action, log_prob, value)
            for world in np.flatnonzero(running):
                town.step_one(int(world), int(action[world, 0]))
                total[world] += town.reward[world, 0]
            town.ticks += 1
            running &= ~(town.terminated | town.truncated)[:, 0]
    return total.tolist()
