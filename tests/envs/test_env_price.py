"""The script that measures what agents without terminations cost an estimator."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from support.places import ROOT

from townlet.config.find import scenario_of
from townlet.envs import TownEnv, TownVectorEnv


@pytest.fixture(scope="module")
def price() -> ModuleType:
    spec = importlib.util.spec_from_file_location("price", ROOT / "scripts" / "fixed_agents_price.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_advantages_end_at_a_faint_with_terminations_and_go_on_without(
    price: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price, "HELD_OUT_WORLDS", 8)
    torch.set_num_threads(1)
    environment = TownEnv("queue_conflict")
    model = PPO("MlpPolicy", environment, n_steps=8, seed=0, device="cpu")
    episode = price.play(model, environment.scenario, 0)
    assert episode.terminated.sum() > 4
    right = price.advantages(model, episode, episode.terminated)
    wrong = price.advantages(model, episode, np.zeros_like(episode.terminated))
    tick, place = np.nonzero(episode.terminated)
    with torch.no_grad():
        value = model.policy.predict_values(torch.from_numpy(episode.observation[tick, place])).numpy()[:, 0]
        # What is seen after a faint is zeros.
        beyond = model.policy.predict_values(torch.zeros(1, episode.observation.shape[2])).item()
    # A faint ends everything: its advantage is the reward less the value.
    np.testing.assert_allclose(right[tick, place], episode.reward[tick, place] - value, atol=1e-5)
    after = wrong[tick + 1, place]
    expected = model.gamma * beyond + model.gamma * model.gae_lambda * after
    np.testing.assert_allclose((wrong - right)[tick, place], expected, atol=1e-5)
    never = ~episode.terminated.any(axis=0)
    np.testing.assert_array_equal(right[:, never], wrong[:, never])


def test_a_reward_for_survival_is_added_to_every_tick(price: ModuleType) -> None:
    scenario = scenario_of("queue_conflict")
    assert price.with_survival(scenario, None) is scenario
    changed = price.with_survival(scenario, scenario.rules.reward.survival + 0.5)
    rewards = []
    for each in (scenario, changed):
        batch = TownVectorEnv(each, worlds=2)
        batch.reset(seed=0)
        rewards.append(batch.step(np.zeros(6, np.int32))[1].copy())
    np.testing.assert_allclose(rewards[1] - rewards[0], 0.5, atol=1e-6)
