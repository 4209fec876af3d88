"""PPO and GAE against Stable-Baselines3, from the same weights over the same recorded steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import DummyVecEnv
from torch import nn

from townlet.behavior.network import ActorCritic
from townlet.config.training import NetworkConfig, PPOConfig, TrainingConfig
from townlet.rollout import RolloutBuffer
from townlet.training.adam import Adam
from townlet.training.batch import rollout_batch
from townlet.training.update import run_epoch

TICKS, WORLDS, FEATURES, ACTIONS, HIDDEN = 64, 8, 4, 2, 16
GAMMA, LAMBDA = 0.97, 0.9
#: A time limit that some poles reach and before which others fall.
LIMIT = 20


class Trunk(BaseFeaturesExtractor):
    """Our trunk in place of Stable-Baselines3's shared layers."""

    def __init__(self, observation_space: Any) -> None:
        super().__init__(observation_space, HIDDEN)
        self.layers = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, HIDDEN), nn.Tanh())

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        layers: torch.Tensor = self.layers(observations)
        return layers


@dataclass
class Ends(BaseCallback):
    """Records what Stable-Baselines3 discards after each step: raw rewards, ends of episodes and final observations."""

    ticks: list[tuple[Any, Any, Any, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def _on_step(self) -> bool:
        infos, seen = self.locals["infos"], self.locals["new_obs"].copy()
        truncated = np.array([info.get("TimeLimit.truncated", False) for info in infos])
        for world, info in enumerate(infos):
            seen[world] = info.get("terminal_observation", seen[world])
        self.ticks.append((self.locals["rewards"].copy(), self.locals["dones"] & ~truncated, truncated, seen))
        return True


def their_ppo(eps: float, options: dict[str, Any]) -> PPO:
    def make() -> gymnasium.Env[Any, Any]:
        return gymnasium.make("CartPole-v1", max_episode_steps=LIMIT)

    model = PPO(
        "MlpPolicy",
        DummyVecEnv([make] * WORLDS),
        n_steps=TICKS,
        batch_size=TICKS * WORLDS,
        n_epochs=1,
        gamma=GAMMA,
        gae_lambda=LAMBDA,
        learning_rate=0.01,
        ent_coef=0.03,
        vf_coef=0.7,
        max_grad_norm=0.4,
        policy_kwargs={
            "features_extractor_class": Trunk,
            "net_arch": [],
            "optimizer_kwargs": {"eps": eps},
        },
        seed=3,
        device="cpu",
        **options,
    )
    model.set_logger(Logger(None, []))
    return model


def our_config(**options: Any) -> TrainingConfig:
    ppo = {
        "gamma": GAMMA,
        "gae_lambda": LAMBDA,
        "learning_rate": 0.01,
        "entropy_coef": 0.03,
        "value_coef": 0.7,
        "max_grad_norm": 0.4,
        "minibatch_size": TICKS * WORLDS,
    }
    return TrainingConfig(network=NetworkConfig(hidden=(HIDDEN, HIDDEN)), ppo=PPOConfig.model_validate(ppo | options))


def same_weights(model: PPO, network: ActorCritic) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Triples of a name, our tensor and theirs."""
    ours, theirs = network.state_dict(), model.policy.state_dict()
    names = {"trunk": "features_extractor.layers", "policy_head": "action_net", "value_head": "value_net"}
    return {name: (ours[name], theirs[names[name.split(".")[0]] + name[name.index(".") :]]) for name in ours}


pytestmark = pytest.mark.usefixtures("one_thread")


def collected(eps: float = 1e-5, **options: Any) -> tuple[PPO, ActorCritic, RolloutBuffer]:
    """A rollout by Stable-Baselines3, with its weights in our network and its raw steps in our buffer."""
    model = their_ppo(eps, options)
    ends = Ends()
    _, callback = model._setup_learn(TICKS * WORLDS, ends)
    assert model.env is not None
    model.collect_rollouts(model.env, callback, model.rollout_buffer, TICKS)
    network = ActorCritic(FEATURES, ACTIONS, NetworkConfig(hidden=(HIDDEN, HIDDEN)))
    network.load_state_dict({name: theirs.clone() for name, (_, theirs) in same_weights(model, network).items()})

    theirs, buffer = model.rollout_buffer, RolloutBuffer(TICKS, WORLDS, 1, FEATURES, ACTIONS)
    buffer.observation[:, :, 0] = theirs.observations
    buffer.action[:, :, 0] = theirs.actions[..., 0]
    buffer.log_prob[:, :, 0], buffer.value[:, :, 0] = theirs.log_probs, theirs.values
    buffer.mask[:], buffer.alive[:] = True, True
    for tick, (reward, terminated, truncated, seen) in enumerate(ends.ticks):
        buffer.reward[tick, :, 0] = reward
        buffer.terminated[tick, :, 0], buffer.truncated[tick, :, 0] = terminated, truncated
        if truncated.any() or tick == TICKS - 1:
            buffer.cut_ticks.append(tick)
            buffer.cut_observation.append(seen[:, None].astype(np.float32))
    return model, network, buffer


def test_advantages_and_returns_are_theirs_where_episodes_terminate_where_they_are_truncated_and_at_the_end() -> None:
    model, network, buffer = collected()
    assert buffer.terminated.sum() > 5 and buffer.truncated.sum() > 5
    assert len({int(world) for world in np.nonzero(buffer.truncated)[1]}) > 3
    assert 0 < buffer.truncated[buffer.cut_ticks[0]].sum() < WORLDS, "worlds are not in step"
    batch = rollout_batch(buffer, network, our_config())
    np.testing.assert_allclose(batch.advantage.view(TICKS, WORLDS), model.rollout_buffer.advantages, atol=2e-6)
    np.testing.assert_allclose(batch.value_target.view(TICKS, WORLDS), model.rollout_buffer.returns, atol=2e-6)
    assert (batch.advantage.view(TICKS, WORLDS)[-1] != 0.0).all(), "the last step has an advantage too"


# Adam's first steps are the gradients' signs if its epsilon is small, and the gradients themselves if it is large.
SIGNS, GRADIENTS = 1e-5, 10.0


@pytest.mark.parametrize(
    ("eps", "ours", "theirs"),
    [
        (SIGNS, {}, {}),
        (GRADIENTS, {}, {}),
        (SIGNS, {"normalize_advantage": False}, {"normalize_advantage": False}),
        (GRADIENTS, {"normalize_advantage": False}, {"normalize_advantage": False}),
        (SIGNS, {"value_clip": 0.1}, {"clip_range_vf": 0.1}),
        (GRADIENTS, {"value_clip": 0.001}, {"clip_range_vf": 0.001}),
        (SIGNS, {"target_kl": 0.01}, {"target_kl": 0.01}),
    ],
)
def test_losses_gradients_and_weights_are_theirs_epoch_after_epoch(
    eps: float, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    model, network, buffer = collected(eps, **theirs)
    config = our_config(**ours)
    batch = rollout_batch(buffer, network, config)
    optimizer = Adam(network.parameters(), lr=0.01, eps=eps)
    before = {name: mine.clone() for name, (mine, _) in same_weights(model, network).items()}
    clipped, updates = 0.0, 0.0
    for epoch in range(1, 9):
        model.train()
        fields = run_epoch(network, optimizer, batch, config, seed=0, epoch=epoch)
        logged = model.logger.name_to_value
        assert fields["loss_policy"] == pytest.approx(logged["train/policy_gradient_loss"], abs=2e-6)
        assert fields["loss_value"] == pytest.approx(logged["train/value_loss"], rel=1e-5)
        assert fields["loss_entropy"] == pytest.approx(0.03 * logged["train/entropy_loss"], rel=1e-5)
        assert fields["loss_total"] == pytest.approx(logged["train/loss"], rel=1e-5, abs=2e-6)
        assert fields["kl_divergence"] == pytest.approx(logged["train/approx_kl"], rel=1e-3, abs=1e-6)
        assert fields["clip_fraction"] == pytest.approx(logged["train/clip_fraction"], abs=2.1 / (TICKS * WORLDS))
        clipped, updates = max(clipped, fields["clip_fraction"]), updates + fields["updates"]
        for name, (mine, other) in same_weights(model, network).items():
            moved = float((other - before[name]).abs().max())
            assert moved > 0.0
            # Two units in the last place are rounding.
            torch.testing.assert_close(mine, other, atol=1e-3 * moved, rtol=2.4e-7, msg=lambda m, n=name: f"{n} {m}")
    if "target_kl" in ours:
        assert 1 <= updates < 8, "the divergence stopped both"
    else:
        assert updates == 8 and (eps == GRADIENTS or clipped > 0.05), "the clip was at work"


def test_the_gradient_norm_is_theirs() -> None:
    model, network, buffer = collected()
    batch = rollout_batch(buffer, network, our_config())
    fields = run_epoch(network, Adam(network.parameters(), lr=0.01, eps=1e-5), batch, our_config(), seed=0, epoch=1)
    model.max_grad_norm = 1e9
    model.train()
    gradients = [parameter.grad for parameter in model.policy.parameters() if parameter.grad is not None]
    assert fields["grad_norm"] == pytest.approx(float(torch.cat([g.flatten() for g in gradients]).norm()), rel=1e-4)
    assert fields["grad_norm"] > 0.4, "and it was clipped"
