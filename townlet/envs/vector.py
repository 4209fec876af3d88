"""Batched Gymnasium environment of many worlds, whose arrays are the simulator's own."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from gymnasium.utils import EzPickle
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from townlet.config import Scenario
from townlet.config.find import scenario_of
from townlet.envs.actions import many_actions, no_episode, whole_number
from townlet.envs.choices import Choices
from townlet.envs.seeding import town_seed
from townlet.envs.spaces import observation_box
from townlet.errors import InputError, nearest_name
from townlet.files.storage import AnyPath
from townlet.rollout import aligned_zeros
from townlet.world import Town

#: What comes after the time limit: see :class:`TownVectorEnv`. Gymnasium's own modes of these names will do as well.
Autoreset = Literal["same_step", "next_step"] | AutoresetMode


class TownVectorEnv(VectorEnv[NDArray[np.float32], NDArray[np.int32], NDArray[Any]], EzPickle):
    """W·A sub-environments (worlds × people), one per place in each world, in order of world.

    Nothing is copied. Observations float32 [W·A, F], rewards float32 [W·A], terminations bool [W·A], and in ``info``
    ``action_mask`` bool [W·A, N] and ``alive`` bool [W·A] are views of the simulator's arrays; ``truncations`` bool
    [W·A] is this environment's own array. All are valid until the next :meth:`step` or :meth:`reset`. An illegal action
    counts as waiting. The batch holds the seed's worlds from number ``first_world`` on; a world behaves the same in any
    batch. After a faint the place stays empty until the newcomer arrives: ``alive`` is False, the observation is zeros,
    only waiting is legal and the reward is 0. A pickled copy is a fresh environment.

    All worlds reach the time limit in the same step. ``autoreset`` says what comes then:

    - ``same_step``: the observations of this step already belong to the next episode. Where an episode ended,
      ``info["_final_obs"]`` bool [W·A] is True and ``info["final_obs"]`` float32 [W·A, F] holds its last observation,
      all zeros after a faint; in other steps both are absent.
    - ``next_step``: the observations are the last of the episode. The next step ignores its actions and returns those
      of the next episode, with reward 0. Observations are the environment's own array, since Gymnasium's wrappers write
      into it. At the limit empty places are truncated, too: their next observation is of another episode.

    With ``commitment_ticks`` above 0 people commit themselves, see :class:`townlet.envs.choices.Choices`; the mask is
    then this environment's own array.

    Raises InputError for an unknown scenario, an invalid seed, and options out of range.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(
        self,
        scenario: Scenario | AnyPath = "town_day",
        *,
        worlds: int = 64,
        seed: int = 0,
        first_world: int = 0,
        autoreset: Autoreset = "same_step",
        commitment_ticks: int = 0,
    ) -> None:
        EzPickle.__init__(
            self,
            scenario,
            worlds=worlds,
            seed=seed,
            first_world=first_world,
            autoreset=autoreset,
            commitment_ticks=commitment_ticks,
        )
        worlds, first_world = whole_number("worlds", worlds, 1), whole_number("first_world", first_world, 0)
        self.metadata = {**type(self).metadata, "autoreset_mode": _autoreset_mode(autoreset)}
        self._next_step = self.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
        self.scenario = scenario_of(scenario)
        self.town = Town(self.scenario, worlds=worlds, seed=town_seed(seed), first_world=first_world)
        town = self.town
        self._choices = Choices(town, whole_number("commitment_ticks", commitment_ticks, 0))
        self.num_envs = worlds * len(town.people)
        self.single_observation_space = observation_box(town.observation_schema)
        self.single_action_space = spaces.Discrete(len(town.action_names))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.action: NDArray[np.int32] = aligned_zeros((worlds, len(town.people)), np.int32)
        """The actions of the last step, int32 [W, A]; may be filled in place and passed to :meth:`step`."""
        self._began = self._over = False
        # The simulator's arrays stay where they are, so their views are made once.
        self._observation, self._reward, self._terminated = map(flat, (town.observation, town.reward, town.terminated))
        self._mask, self._alive = flat(self._choices.mask), flat(town.alive)
        self._truncated = np.zeros(self.num_envs, np.bool_)
        self._was_alive = np.zeros(self.num_envs, np.bool_)
        self._final = np.zeros_like(self._observation)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a new episode in all worlds; return observations and info.

        With a seed, it is that seed's first episode; without one, the current seed's next. ``options`` are ignored.

        Raises InputError for a list of seeds: all worlds of a batch share one seed and differ by their numbers. Raises
        it for Gymnasium's option ``reset_mask``, too: the people of a world begin together.
        """
        if options is not None and "reset_mask" in options:
            raise InputError.of("options", "reset_mask", "a mask", "none: all worlds begin together")
        folded = None if seed is None else town_seed(seed)
        super().reset(seed=folded)
        self._began = True
        self._begin_episode(folded)
        return self._observed(), self._info()

    def step(
        self, actions: ArrayLike
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Simulate one tick under ``actions``, any integers [W·A] or [W, A].

        Returns observations, rewards, terminations, truncations and info, as the class describes. Where a step ends in
        the next episode, rewards and terminations are copies, since the reset overwrites the simulator's arrays.

        Raises InputError before the first reset, and for anything that is not an action.
        """
        town = self.town
        if not self._began:
            raise no_episode(began=False)
        self.action[:] = many_actions(actions, self.action.shape, len(town.action_names))
        if self._next_step:
            return self._step_to_the_limit()
        at_limit = town.tick + 1 >= self.scenario.ticks
        if at_limit:
            self._was_alive[:] = self._alive
        self._tick()
        reward, terminated = self._reward, self._terminated
        self._truncated[:] = False
        if not at_limit:
            ended = terminated
            final = self._observation
        else:
            np.logical_and(self._was_alive, ~terminated, out=self._truncated)
            ended = self._truncated | terminated
            self._final[:] = self._observation
            final = self._final
            reward, terminated = reward.copy(), terminated.copy()
            self._begin_episode(None)
        info = self._info()
        if ended.any():
            info |= {"final_obs": final, "_final_obs": ended}
        return self._observation, reward, terminated, self._truncated, info

    def action_masks(self) -> NDArray[np.bool_]:
        """Return the actions that are open now, bool [W·A, N]: the array of ``info["action_mask"]``.

        Raises InputError before the first reset.
        """
        if not self._began:
            raise no_episode(began=False)
        return self._mask

    def _step_to_the_limit(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Simulate one tick, or begin the next episode if the last step reached the limit."""
        town = self.town
        reward, terminated = self._reward, self._terminated
        if self._over:
            self._begin_episode(None)
            self._truncated[:] = False
            return self._observed(), np.zeros_like(reward), np.zeros_like(terminated), self._truncated, self._info()
        self._tick()
        self._over = town.tick >= self.scenario.ticks
        np.logical_and(~terminated, self._over, out=self._truncated)
        return self._observed(), reward, terminated, self._truncated, self._info()

    def _begin_episode(self, seed: int | None) -> None:
        self.town.reset(seed)
        self._over = False
        self._choices.update()

    def _tick(self) -> None:
        self._choices.carry_on(self.action)
        self.town.step(self.action)
        self._choices.update()

    def _observed(self) -> NDArray[np.float32]:
        """The observations, which wrappers may overwrite only where they are a copy."""
        if not self._next_step:
            return self._observation
        self._final[:] = self._observation
        return self._final

    def _info(self) -> dict[str, Any]:
        return {"action_mask": self._mask, "alive": self._alive}


def _autoreset_mode(given: Autoreset) -> AutoresetMode:
    modes = {"same_step": AutoresetMode.SAME_STEP, "next_step": AutoresetMode.NEXT_STEP}
    if given in modes.values():
        return AutoresetMode(given)
    if given not in modes:
        raise InputError.of("options", "autoreset", repr(given), nearest_name(str(given), modes))
    return modes[str(given)]


def flat(array: NDArray[Any]) -> NDArray[Any]:
    """Reshape [W, A, …] to [W·A, …] in the same memory. Raises ValueError if that would need a copy."""
    return np.reshape(array, (array.shape[0] * array.shape[1], *array.shape[2:]), copy=False)


def vector_env(
    scenario: Scenario | AnyPath = "town_day",
    *,
    worlds: int = 64,
    seed: int = 0,
    first_world: int = 0,
    autoreset: Autoreset = "same_step",
    commitment_ticks: int = 0,
) -> TownVectorEnv:
    """Make ``worlds`` towns as one Gymnasium vector environment; see :class:`TownVectorEnv`.

    ``scenario`` is a scenario, the name of a built-in one, or the path of a YAML file.

    Raises InputError for an unknown scenario, an invalid seed, and options out of range.
    """
    return TownVectorEnv(
        scenario,
        worlds=worlds,
        seed=seed,
        first_world=first_world,
        autoreset=autoreset,
        commitment_ticks=commitment_ticks,
    )
