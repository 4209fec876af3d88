"""Training of one masked policy per slot in town by skrl's independent PPO (IPPO).

    python examples/train_skrl.py --scenario queue_conflict --steps 5000

skrl supports PettingZoo's parallel environments itself. It flattens an observation and its action mask into one vector,
the mask first; the policy splits the two again and gives illegal actions probability 0.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import CategoricalMixin, DeterministicMixin, Model
from skrl.multi_agents.torch.ippo import IPPO, IPPO_CFG
from skrl.trainers.torch import SequentialTrainer
from skrl.utils import set_seed
from torch import Tensor, nn

import townlet

ROLLOUT = 128
#: Logit of illegal actions; finite, so that their probability × log-probability is 0 and not NaN.
ILLEGAL_LOGIT = -1e30


def perceptron(inputs: int, outputs: int) -> nn.Sequential:
    """A network of two hidden layers."""
    return nn.Sequential(nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))


class MaskedPolicy(CategoricalMixin, Model):
    """Policy over the legal actions."""

    def __init__(self, observation_space: Any, action_space: Any) -> None:
        Model.__init__(self, observation_space=observation_space, action_space=action_space, device="cpu")
        CategoricalMixin.__init__(self, unnormalized_log_prob=True)
        self.net = perceptron(self.num_observations - self.num_actions, self.num_actions)

    def compute(self, inputs: dict[str, Any], role: str = "") -> tuple[Tensor, dict[str, Any]]:
        """Logits float32 [B, N]."""
        mask, observation = inputs["observations"].tensor_split([self.num_actions], dim=1)
        return self.net(observation).masked_fill(mask == 0, ILLEGAL_LOGIT), {}


class Value(DeterministicMixin, Model):
    """Estimate of the return."""

    def __init__(self, observation_space: Any, action_space: Any) -> None:
        Model.__init__(self, observation_space=observation_space, action_space=action_space, device="cpu")
        DeterministicMixin.__init__(self)
        self.net = perceptron(self.num_observations, 1)

    def compute(self, inputs: dict[str, Any], role: str = "") -> tuple[Tensor, dict[str, Any]]:
        """Values float32 [B, 1]."""
        return self.net(inputs["observations"]), {}


class OccupiedMemory(RandomMemory):
    """A memory from which nothing is learned about times when nobody was in the place; they show only zeros."""

    def sample(self, names: list[str], *, batch_size: int, mini_batches: int = 1, **rest: Any) -> list[list[Any]]:
        """Minibatches of the rows in which somebody acted, in a random order."""
        # The first part of an observation is the mask, in which an empty place may wait.
        actions = int(self.tensors_view["observations"].shape[1]) - self.features
        rows = self.tensors_view["observations"][: len(self), actions:].any(dim=1).nonzero().flatten()
        indexes = rows[torch.randperm(len(rows))[:batch_size]]
        return self.sample_by_index(names=names, indexes=indexes, mini_batches=mini_batches)


class RewardMeter(IPPO):
    """IPPO that records the mean reward of every step."""

    def record_transition(self, *, rewards: dict[str, Tensor], **rest: Any) -> None:
        """Record the reward, then the transition as usual."""
        self.__dict__.setdefault("reward_means", []).append(torch.stack(list(rewards.values())).mean().item())
        super().record_transition(rewards=rewards, **rest)


def agents_of(environment: Any, rollout: int = ROLLOUT, critic: type[Value] = Value) -> RewardMeter:
    """A policy and a critic for each place, and memories of ``rollout`` ticks."""
    slots = environment.possible_agents
    observation_spaces, action_spaces = environment.observation_spaces, environment.action_spaces
    # skrl 2.1 rejects its own empty defaults in multi-agent configurations.
    unset: dict[str, Any] = {
        f"{part}_kwargs": {slot: {} for slot in slots}
        for part in ("learning_rate_scheduler", "observation_preprocessor", "state_preprocessor", "value_preprocessor")
    }
    config = IPPO_CFG(rollouts=rollout, learning_epochs=8, learning_rate=1e-3, time_limit_bootstrap=True, **unset)
    config.experiment.write_interval = config.experiment.checkpoint_interval = 0
    memories = {slot: OccupiedMemory(memory_size=rollout, num_envs=1, device="cpu") for slot in slots}
    for slot, memory in memories.items():
        memory.features = observation_spaces[slot]["observation"].shape[0]
    return RewardMeter(
        possible_agents=slots,
        models={
            slot: {
                "policy": MaskedPolicy(observation_spaces[slot], action_spaces[slot]),
                "value": critic(observation_spaces[slot], action_spaces[slot]),
            }
            for slot in slots
        },
        memories=memories,
        observation_spaces=observation_spaces,
        state_spaces=environment.state_spaces,
        action_spaces=action_spaces,
        device="cpu",
        cfg=config,
    )


def run(environment: Any, agents: RewardMeter, steps: int) -> None:
    """Train the agents for ``steps`` ticks."""
    trainer = {"timesteps": steps, "headless": True, "disable_progressbar": True, "close_environment_at_exit": False}
    SequentialTrainer(env=environment, agents=agents, cfg=trainer).train()


def train(scenario: str, steps: int, seed: int) -> tuple[RewardMeter, float, float]:
    """Train the agents; return them and the mean reward per agent-step in the first and the last quarter."""
    # Networks this small gain nothing from more threads, and lose much on a busy machine.
    torch.set_num_threads(1)
    set_seed(seed)
    environment = wrap_env(townlet.parallel_env(scenario, agents="slots"), wrapper="pettingzoo", verbose=False)
    agents = agents_of(environment)
    run(environment, agents, steps)
    rewards = agents.reward_means
    quarter = max(len(rewards) // 4, 1)
    return agents, sum(rewards[:quarter]) / quarter, sum(rewards[-quarter:]) / quarter


def main() -> None:
    """Train with the options of the command line, and print the rewards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="town_day", help="name of a built-in scenario, or a YAML file")
    parser.add_argument("--steps", type=int, default=20_000, help="ticks")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    agents, first, last = train(options.scenario, options.steps, options.seed)
    ticks = len(agents.reward_means)
    print(f"{ticks} ticks; reward per agent-step {first:.4f} at first, {last:.4f} at last")


if __name__ == "__main__":
    main()
