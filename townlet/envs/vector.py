"""Many worlds as one batched environment whose arrays are the simulator's own."""

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
    """``N = worlds × people`` sub-environments, one per place in each of the worlds, world by world.

    Nothing is copied: observations float32 [N, F], rewards float32 [N], terminations bool [N], and in ``info`` the
    ``action_mask`` bool [N, A] and ``alive`` bool [N], are views of the simulator's arrays, valid until the next call
    of :meth:`step` or :meth:`reset`. So is ``truncations`` bool [N], an array of this environment's own. An illegal
    action counts as waiting. Worlds ``first_world`` and on of the seed do the same in any batch.

    The autoreset mode is ``SAME_STEP``. All worlds reach the time limit in the same step, and the observation
    returned there is already that of the next episode. After a faint the place is empty (``alive`` is False: zeros are
    seen, only waiting is legal, the reward is 0) until its newcomer comes. Wherever an episode ended,
    ``info["_final_obs"]`` bool [N] is True and ``info["final_obs"]`` float32 [N, F] holds its last observation, which
    after a faint is all zeros; in other steps the two are absent. A pickled copy is a fresh environment.

    Raises InputError for an unknown scenario, less than one world, or a seed out of range.
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
        """int32 [W, A]: the actions of the last step; :meth:`step` takes it as well, filled in place."""
        self._began = False
        self._truncated = np.zeros(self.num_envs, np.bool_)
        self._was_alive = np.zeros(self.num_envs, np.bool_)
        self._final = np.zeros(town.observation.shape, np.float32).reshape(self.num_envs, -1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a new episode in all worlds: observations and info.

        With a seed it is the first one of that seed, without one the next one of the present seed. There are no
        ``options``. Raises InputError for a list of seeds: the worlds of a batch differ by their number, under one
        seed.
        """
        folded = None if seed is None else town_seed(seed)
        super().reset(seed=folded)
        self.town.reset(folded)
        self._began = True
        return flat(self.town.observation), self._info()

    def step(
        self, actions: ArrayLike
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """One tick under ``actions``, any integers [N] or [W, A].

        Returns observations, rewards, terminations, truncations and info; see the class. In the step at the limit
        rewards and terminations are copies, since the reset overwrites the simulator's. Raises InputError before the
        first reset, and for what are no actions.
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
    """[W, A, …] as [W × A, …], the same memory. Raises ValueError if its layout would need a copy."""
    return np.reshape(array, (array.shape[0] * array.shape[1], *array.shape[2:]), copy=False)


def vector_env(
    scenario: Scenario | AnyPath = "town_day", *, worlds: int = 64, seed: int = 0, first_world: int = 0
) -> TownVectorEnv:
    """A batch of ``worlds`` towns as one Gymnasium vector environment; see :class:`TownVectorEnv`.

    ``scenario`` is a scenario, the name of a built-in one, or the path of a YAML file. Raises InputError for one that
    does not exist, for less than one world and for a seed out of range.
    """
    return TownVectorEnv(scenario, worlds=worlds, seed=seed, first_world=first_world)
