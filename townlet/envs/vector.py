"""Batched Gymnasium environment of many worlds, whose arrays are the simulator's own."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import EzPickle
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from townlet.config import Scenario
from townlet.config.find import scenario_of
from townlet.envs.actions import many_actions, no_episode
from townlet.envs.seeding import town_seed
from townlet.envs.spaces import observation_box
from townlet.errors import InputError
from townlet.files.storage import AnyPath
from townlet.rollout import aligned_zeros
from townlet.world import Town


class TownVectorEnv(VectorEnv[NDArray[np.float32], NDArray[np.int32], NDArray[Any]], EzPickle):
    """W·A sub-environments (worlds × people), one per place in each world, in order of world.

    Nothing is copied. Observations float32 [W·A, F], rewards float32 [W·A], terminations bool [W·A], and in ``info``
    ``action_mask`` bool [W·A, N] and ``alive`` bool [W·A] are views of the simulator's arrays; ``truncations`` bool
    [W·A] is this environment's own array. All are valid until the next :meth:`step` or :meth:`reset`. An illegal action
    counts as waiting. The batch holds the seed's worlds from number ``first_world`` on; a world behaves the same in any
    batch.

    The autoreset mode is ``SAME_STEP``. All worlds reach the time limit in the same step, whose observations already
    belong to the next episode. After a faint the place stays empty until the newcomer arrives: ``alive`` is False, the
    observation is zeros, only waiting is legal and the reward is 0. Where an episode ended, ``info["_final_obs"]`` bool
    [W·A] is True and ``info["final_obs"]`` float32 [W·A, F] holds its last observation, all zeros after a faint; in
    other steps both are absent. A pickled copy is a fresh environment.

    Raises InputError for an unknown scenario, less than one world, or an invalid seed.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(
        self, scenario: Scenario | AnyPath = "town_day", *, worlds: int = 64, seed: int = 0, first_world: int = 0
    ) -> None:
        EzPickle.__init__(self, scenario, worlds=worlds, seed=seed, first_world=first_world)
        if worlds < 1:
            raise InputError.of("options", "worlds", str(worlds), "at least 1")
        self.scenario = scenario_of(scenario)
        self.town = Town(self.scenario, worlds=worlds, seed=town_seed(seed), first_world=first_world)
        town = self.town
        self.num_envs = worlds * len(town.people)
        self.single_observation_space = observation_box(town.observation_schema)
        self.single_action_space = spaces.Discrete(len(town.action_names))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.action: NDArray[np.int32] = aligned_zeros((worlds, len(town.people)), np.int32)
        """The actions of the last step, int32 [W, A]; may be filled in place and passed to :meth:`step`."""
        self._began = False
        self._truncated = np.zeros(self.num_envs, np.bool_)
        self._was_alive = np.zeros(self.num_envs, np.bool_)
        self._final = np.zeros(town.observation.shape, np.float32).reshape(self.num_envs, -1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a new episode in all worlds; return observations and info.

        With a seed, it is that seed's first episode; without one, the current seed's next. ``options`` are ignored.

        Raises InputError for a list of seeds: all worlds of a batch share one seed and differ by their numbers.
        """
        folded = None if seed is None else town_seed(seed)
        super().reset(seed=folded)
        self.town.reset(folded)
        self._began = True
        return flat(self.town.observation), self._info()

    def step(
        self, actions: ArrayLike
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Simulate one tick under ``actions``, any integers [W·A] or [W, A].

        Returns observations, rewards, terminations, truncations and info, as the class describes. At the time limit
        rewards and terminations are copies, since the reset overwrites the simulator's arrays.

        Raises InputError before the first reset, and for anything that is not an action.
        """
        town = self.town
        if not self._began:
            raise no_episode(began=False)
        self.action[:] = many_actions(actions, self.action.shape, len(town.action_names))
        at_limit = town.tick + 1 >= self.scenario.ticks
        if at_limit:
            self._was_alive[:] = flat(town.alive)
        town.step(self.action)
        reward, terminated = flat(town.reward), flat(town.terminated)
        self._truncated[:] = False
        if not at_limit:
            ended = terminated
            final = flat(town.observation)
        else:
            np.logical_and(self._was_alive, ~terminated, out=self._truncated)
            ended = self._truncated | terminated
            self._final[:] = flat(town.observation)
            final = self._final
            reward, terminated = reward.copy(), terminated.copy()
            town.reset()
        info = self._info()
        if ended.any():
            info |= {"final_obs": final, "_final_obs": ended}
        return flat(town.observation), reward, terminated, self._truncated, info

    def _info(self) -> dict[str, Any]:
        return {"action_mask": flat(self.town.mask), "alive": flat(self.town.alive)}


def flat(array: NDArray[Any]) -> NDArray[Any]:
    """Reshape [W, A, …] to [W·A, …] in the same memory. Raises ValueError if that would need a copy."""
    return np.reshape(array, (array.shape[0] * array.shape[1], *array.shape[2:]), copy=False)


def vector_env(
    scenario: Scenario | AnyPath = "town_day", *, worlds: int = 64, seed: int = 0, first_world: int = 0
) -> TownVectorEnv:
    """Make ``worlds`` towns as one Gymnasium vector environment; see :class:`TownVectorEnv`.

    ``scenario`` is a scenario, the name of a built-in one, or the path of a YAML file.

    Raises InputError for an unknown scenario, less than one world, or an invalid seed.
    """
    return TownVectorEnv(scenario, worlds=worlds, seed=seed, first_world=first_world)
