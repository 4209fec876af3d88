"""Training of one person's masked policy by Tianshou's PPO; the others in town follow the heuristic.

    python examples/train_tianshou.py --scenario queue_conflict --steps 20000

One person is all that Tianshou can train here: its wrapper of PettingZoo ends the episode when the first person faints,
and only the last agent of a cycle gets rewards.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from tianshou.algorithm import PPO
from tianshou.algorithm.modelfree.reinforce import DiscreteActorPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OnPolicyTrainerParams
from tianshou.utils.net.common import ActionReprNet
from torch import Tensor, nn

from townlet.envs import TownEnv

TOWNS, ROLLOUT, BATCH = 8, 1024, 256
#: Logit of illegal actions; finite, so that their probability × log-probability is 0 and not NaN.
ILLEGAL_LOGIT = -1e30


class Actor(ActionReprNet):
    """Logits of the legal actions. Tianshou hands over the dictionary of an observation and its mask."""

    def __init__(self, features: int, actions: int) -> None:
        super().__init__()
        self.net, self.actions = perceptron(features, actions), actions

    def get_output_dim(self) -> int:
        """Number of actions."""
        return self.actions

    def forward(self, obs: Any, state: Any = None, info: Any = None) -> tuple[Tensor, Any]:
        """Logits float32 [B, N], and the state as it was given."""
        mask = torch.as_tensor(np.asarray(obs.action_mask))
        return self.net(features_of(obs)).masked_fill(mask == 0, ILLEGAL_LOGIT), state


class Critic(nn.Module):
    """Estimate of the return."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.net = perceptron(features, 1)

    def forward(self, obs: Any, **_: Any) -> Tensor:
        """Values float32 [B, 1]."""
        values: Tensor = self.net(features_of(obs))
        return values


def features_of(obs: Any) -> Tensor:
    """The observation without its mask, float32 [B, F]."""
    return torch.as_tensor(np.asarray(obs.observation))


def perceptron(inputs: int, outputs: int) -> nn.Sequential:
    """A network of two hidden layers."""
    return nn.Sequential(nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))


def make(scenario: str, seed: int, town: Callable[..., TownEnv] = TownEnv) -> tuple[PPO, Collector]:
    """PPO with new networks, and the collector of its rollouts in several towns."""
    np.random.seed(seed)
    torch.manual_seed(seed)
    one = TownEnv(scenario)
    features, actions = one.observation_space.shape[0], int(one.action_space.n)
    policy = DiscreteActorPolicy(actor=Actor(features, actions), action_space=one.action_space)
    algorithm = PPO(
        policy=policy, critic=Critic(features), optim=AdamOptimizerFactory(lr=1e-3), gamma=0.99, gae_lambda=0.95
    )
    towns = DummyVectorEnv(
        [lambda: town(scenario, others="heuristic", action_mask="observation") for _ in range(TOWNS)]  # type: ignore[list-item]
    )
    towns.seed(seed)
    return algorithm, Collector(algorithm, towns, VectorReplayBuffer(4 * ROLLOUT, TOWNS))


def train(scenario: str, steps: int, seed: int) -> tuple[PPO, float, float]:
    """Train a policy; return it and the mean reward per episode in the first and the last tenth of the training."""
    # Networks this small gain nothing from more threads, and lose much on a busy machine.
    torch.set_num_threads(1)
    algorithm, collector = make(scenario, seed)
    rewards: list[float] = []
    collector._on_episode_done_hook = lambda episode: rewards.append(float(episode.rew.sum()))
    algorithm.run_training(
        OnPolicyTrainerParams(
            max_epochs=1,
            epoch_num_steps=steps,
            training_collector=collector,
            collection_step_num_env_steps=ROLLOUT,
            batch_size=BATCH,
            update_step_num_repetitions=8,
            show_progress=False,
            verbose=False,
        )
    )
    tenth = max(len(rewards) // 10, 1)
    return algorithm, float(np.mean(rewards[:tenth])), float(np.mean(rewards[-tenth:]))


def main() -> None:
    """Train with the options of the command line, and print the rewards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="town_day", help="name of a built-in scenario, or a YAML file")
    parser.add_argument("--steps", type=int, default=100_000, help="steps of the person, in all towns together")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    _, first, last = train(options.scenario, options.steps, options.seed)
    print(f"reward per episode {first:.3f} at first, {last:.3f} at last")


if __name__ == "__main__":
    main()
