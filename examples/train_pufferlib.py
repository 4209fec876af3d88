"""Training of one masked policy for everybody in many towns by PufferLib's PuffeRL, on the batch of towns.

    python train_pufferlib.py --scenario queue_conflict --steps 100000

Start it in a folder of its own: when PufferLib is imported, it puts a link named ``resources`` into the working folder.

PuffeRL 3.0 ignores truncations, clips rewards to ±1 and learns from every row. Therefore :class:`Towns` marks the time
limit as an end, and adds the discounted value of the last observation to the reward; rewards are scaled so that this
sum is never clipped. Empty places end in every tick, so that nothing leads from them to their newcomers.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pufferlib
import torch
from numpy.typing import NDArray
from pufferlib.pufferl import PuffeRL
from torch import Tensor, nn

import townlet

WORLDS, TICKS, GAMMA = 16, 64, 0.99
#: Logit of illegal actions; finite, so that their probability × log-probability is 0 and not NaN.
ILLEGAL_LOGIT = -1e30
#: Settings of PuffeRL without a default in its code. They suit networks as small as these, on a processor.
SETTINGS: dict[str, Any] = {
    "env": "town",
    "device": "cpu",
    "optimizer": "adam",
    "precision": "float32",
    "torch_deterministic": True,
    "cpu_offload": False,
    "use_rnn": False,
    "compile": False,
    "anneal_lr": False,
    "learning_rate": 1e-3,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_eps": 1e-8,
    "gamma": GAMMA,
    "gae_lambda": 0.95,
    "update_epochs": 4,
    "clip_coef": 0.2,
    "vf_coef": 2.0,
    "vf_clip_coef": 0.2,
    "max_grad_norm": 0.5,
    "ent_coef": 0.001,
    "prio_alpha": 0.0,
    "prio_beta0": 1.0,
    "vtrace_rho_clip": 1.0,
    "vtrace_c_clip": 1.0,
    "batch_size": "auto",
    "max_minibatch_size": 32768,
    "checkpoint_interval": 10**9,
}


class Towns(pufferlib.PufferEnv):
    """Many towns; a row sees a person's observation, then their mask, float32 [F + N]."""

    def __init__(self, scenario: str, worlds: int, seed: int, scale: float | None = None) -> None:
        self.towns = townlet.vector_env(scenario, worlds=worlds, seed=seed)
        bound = self.towns.scenario.rules.reward.clip
        # A value is at most the sum of all rewards to come, bound / (1 - GAMMA).
        self.scale = (1 - GAMMA) / bound if scale is None else scale
        seen = self.towns.single_observation_space.shape[0] + self.towns.single_action_space.n
        self.single_observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (seen,), np.float32)
        self.single_action_space = self.towns.single_action_space
        self.num_agents = self.towns.num_envs
        self.value: Callable[[NDArray[np.float32]], NDArray[np.float32]]
        super().__init__()

    def reset(self, seed: int | None = None) -> tuple[NDArray[np.float32], list[dict[str, Any]]]:
        """Begin an episode in all towns."""
        observation, info = self.towns.reset(seed=seed)
        self.rewards[:], self.terminals[:], self.truncations[:] = 0, False, False
        self._show(observation, info)
        return self.observations, []

    def step(self, actions: NDArray[Any]) -> tuple[Any, ...]:
        """One tick in all towns; they begin anew by themselves."""
        alive = self.info["alive"].copy()
        observation, reward, terminated, truncated, info = self.towns.step(actions)
        self.rewards[:] = self.scale * reward
        if truncated.any():
            self.rewards[truncated] += GAMMA * self.value(info["final_obs"][truncated])
        self.terminals[:] = terminated | truncated | ~alive
        told = [{"reward": float(reward[alive].mean())}] if alive.any() else []
        self._show(observation, info)
        return self.observations, self.rewards, self.terminals, self.truncations, told

    def _show(self, observation: NDArray[np.float32], info: dict[str, Any]) -> None:
        features = observation.shape[1]
        self.observations[:, :features], self.observations[:, features:] = observation, info["action_mask"]
        self.info, self.masks[:] = info, info["alive"]

    def close(self) -> None:
        """Do nothing: the towns hold nothing open."""


class Policy(nn.Module):
    """Policy over the legal actions, and a value function.

    The value network computes in the unit of the town's rewards: scaled ones are so small that the noise of a new
    network would drown them.
    """

    def __init__(self, features: int, actions: int, scale: float) -> None:
        super().__init__()
        self.features, self.scale = features, scale
        self.policy, self.critic = perceptron(features, actions), perceptron(features, 1)

    def forward(self, seen: Tensor, state: Any = None) -> tuple[Tensor, Tensor]:
        """Logits float32 [B, N] and values float32 [B, 1]."""
        observation, mask = seen[:, : self.features], seen[:, self.features :]
        return self.policy(observation).masked_fill(mask == 0, ILLEGAL_LOGIT), self.scale * self.critic(observation)

    forward_eval = forward

    def value(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scaled values float32 [B] of last observations, for the towns."""
        with torch.no_grad():
            values: NDArray[np.float32] = self.scale * self.critic(torch.from_numpy(observation)).squeeze(-1).numpy()
        return values


def perceptron(inputs: int, outputs: int) -> nn.Sequential:
    """A network of two hidden layers."""
    return nn.Sequential(nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))


class Trainer(PuffeRL):
    """PuffeRL that keeps the mean rewards, and does not draw its dashboard."""

    def print_dashboard(self, *_: Any, **__: Any) -> None:
        """Draw nothing."""

    def evaluate(self) -> Any:
        """Collect a rollout, and keep its mean reward per agent-step."""
        stats = super().evaluate()
        self.__dict__.setdefault("reward_means", []).append(float(np.mean(stats["reward"])))
        return stats


def make_trainer(towns: Towns, steps: int, seed: int, ticks: int = TICKS) -> Trainer:
    """The trainer with a new policy."""
    policy = Policy(towns.towns.single_observation_space.shape[0], int(towns.single_action_space.n), towns.scale)
    towns.value = policy.value
    rows = {"bptt_horizon": ticks, "minibatch_size": ticks * max(towns.num_agents // 16, 1)}
    # Checkpoints are kept only where somebody asks for them.
    settings = {**SETTINGS, **rows, "seed": seed, "total_timesteps": steps, "data_dir": tempfile.mkdtemp()}
    return Trainer(settings, towns, policy)


def train(scenario: str, steps: int, seed: int) -> tuple[Trainer, float, float]:
    """Train a policy; return its trainer and the mean reward per agent-step in the first and the last quarter."""
    # Networks this small gain nothing from more threads, and lose much on a busy machine.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    trainer = make_trainer(Towns(scenario, WORLDS, seed), steps, seed)
    while trainer.global_step < steps:
        trainer.evaluate()
        trainer.train()
    trainer.utilization.stop()
    rewards = trainer.reward_means
    quarter = max(len(rewards) // 4, 1)
    return trainer, sum(rewards[:quarter]) / quarter, sum(rewards[-quarter:]) / quarter


def main() -> None:
    """Train with the options of the command line, and print the rewards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="town_day", help="name of a built-in scenario, or a YAML file")
    parser.add_argument("--steps", type=int, default=200_000, help="agent-steps")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    trainer, first, last = train(options.scenario, options.steps, options.seed)
    print(f"{trainer.global_step} agent-steps; reward per agent-step {first:.4f} at first, {last:.4f} at last")


if __name__ == "__main__":
    main()
