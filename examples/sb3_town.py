"""Vector environment of Stable-Baselines3 on a batch of towns, and rollout buffers without empty places.

``townlet.vector_env`` already simulates many towns at once, so the adapter only renames what it returns. Each place in
town is one sub-environment: all people share the policy, and a done ends one person's life.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import BaseBuffer, RolloutBuffer
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

import townlet


class TownVecEnv(VecEnv):
    """``townlet.vector_env`` as Stable-Baselines3 expects it; takes the same arguments.

    At the time limit ``TimeLimit.truncated`` and ``terminal_observation`` say from which value to bootstrap. The masks
    are there for ``sb3_contrib.MaskablePPO``.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.batch = townlet.vector_env(*arguments, **options)
        super().__init__(self.batch.num_envs, self.batch.single_observation_space, self.batch.single_action_space)

    def reset(self) -> NDArray[np.float32]:
        """Begin the first episode of the seed, or the next one."""
        observations, _ = self.batch.reset(seed=self._seeds[0])
        self._reset_seeds()
        return observations.copy()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions for :meth:`step_wait`."""
        self.actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Simulate one tick; everything returned is a copy, since Stable-Baselines3 keeps and changes it."""
        observations, rewards, terminated, truncated, info = self.batch.step(self.actions)
        # Nothing writes into the info of a row that is not done, so these rows share one.
        infos: list[dict[str, Any]] = [{}] * self.num_envs
        for row in np.flatnonzero(terminated | truncated):
            final = info["final_obs"][row].copy()
            infos[row] = {"terminal_observation": final, "TimeLimit.truncated": bool(truncated[row])}
        return observations.copy(), rewards.copy(), terminated | truncated, infos

    def has_attr(self, attr_name: str) -> bool:
        """Whether the towns have an attribute; MaskablePPO asks for ``action_masks``."""
        return attr_name == "action_masks"

    def env_method(self, method_name: str, *arguments: Any, indices: Any = None, **options: Any) -> list[Any]:
        """The masks of legal actions, bool [N] for each row; there is no other method."""
        if method_name != "action_masks":
            raise AttributeError(method_name)
        return list(self.batch.action_masks()[self._get_indices(indices)])

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The batch's attribute, once for each row."""
        return [getattr(self.batch, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refused: the rows share one town."""
        raise AttributeError(attr_name)

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Whether each row is wrapped: never."""
        return [False for _ in self._get_indices(indices)]

    def close(self) -> None:
        """Close the batch."""
        self.batch.close()


class OccupiedRows(BaseBuffer):
    """A part of a rollout buffer: nothing is learned from places that nobody occupies; they see only zeros."""

    def get(self, batch_size: int | None = None) -> Generator[Any, None, None]:
        """Minibatches of the rows in which somebody acted, in a random order."""
        (everything,) = super().get(None)  # type: ignore[misc]
        rows = everything.observations.any(dim=1).nonzero().flatten()
        for part in rows.split(batch_size or len(rows)):
            yield type(everything)(*(column[part] for column in everything))


class OccupiedRollout(OccupiedRows, RolloutBuffer):
    """The rollout buffer of PPO without the rows of empty places."""
