"""Masks on request, ``action_masks()``, and the mask's place in the environment of one person."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from support.env_play import hard_times, mask_of

import townlet
from townlet.envs import TownEnv
from townlet.envs.spaces import ActionMask
from townlet.errors import InputError

ID = "townlet.envs:townlet/QueueConflict-v0"


def test_masks_are_had_through_gymnasiums_and_stable_baselines_wrappers() -> None:
    """These are the calls by which MaskablePPO of sb3-contrib asks."""
    env = gymnasium.make(ID)
    _, info = env.reset(seed=0)
    mask = env.get_wrapper_attr("action_masks")()
    assert mask.dtype == np.bool_ and mask.tolist() == (info["action_mask"] == 1).tolist()
    venv = VecNormalize(DummyVecEnv([lambda: gymnasium.make(ID) for _ in range(2)]))
    assert venv.has_attr("action_masks")
    venv.reset()
    for _ in range(90):
        masks = np.stack(venv.env_method("action_masks"))
        assert masks.shape == (2, env.action_space.n)
        *_, infos = venv.step(masks.argmax(axis=1))
        if "terminal_observation" not in infos[0]:
            now = venv.env_method("action_masks")[0]
            assert now.tolist() == (infos[0]["action_mask"] == 1).tolist()


def test_a_mask_on_request_is_a_copy_and_needs_an_episode() -> None:
    env = TownEnv("queue_conflict")
    with pytest.raises(InputError, match="found no episode"):
        env.action_masks()
    env.reset(seed=0)
    before = env.action_masks()
    env.action_masks()[:] = False
    np.testing.assert_array_equal(env.action_masks(), before)
    batch = townlet.vector_env("queue_conflict", worlds=2)
    with pytest.raises(InputError, match="found no episode"):
        batch.action_masks()
    _, info = batch.reset()
    assert batch.action_masks() is info["action_mask"]


@pytest.mark.parametrize("action_mask", ["observation", "info", "none"])
def test_the_mask_of_one_person_is_in_one_place_in_every_step(action_mask: ActionMask) -> None:
    env = TownEnv(hard_times(), action_mask=action_mask)
    copy = pickle.loads(pickle.dumps(env))
    assert copy.observation_space == env.observation_space
    observation, info = env.reset(seed=0)
    over = False
    while True:
        assert observation in env.observation_space
        assert info.keys() == ({"action_mask"} if action_mask == "info" else set())
        assert isinstance(observation, dict) == (action_mask == "observation")
        if action_mask != "none":
            np.testing.assert_array_equal(mask_of(observation, info), env.action_masks())
        if over:
            break
        observation, _, terminated, truncated, info = env.step(0)
        over = terminated or truncated


@pytest.mark.parametrize("options", [{"action_mask": "observation"}, {"action_mask": "none"}, {"commitment_ticks": 8}])
@pytest.mark.filterwarnings("error")
def test_gymnasiums_checker_passes_with_every_option(options: dict[str, Any]) -> None:
    check_env(gymnasium.make(ID, **options).unwrapped)
