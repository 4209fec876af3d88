"""PPO in one file, in plain torch, on a batch of towns: one masked policy for everybody.

    python examples/ppo_one_file.py --scenario queue_conflict --steps 1000000 --output policy.pt

Everything that matters is here, from the network to the update, to be read from top to bottom and changed. Nothing is
imported from Townlet but the environment. Each place in town is a row of the batch, and a row in which somebody acts is
a transition; rows of empty places are left out of the update.

The algorithm is Schulman et al. 2017, *Proximal policy optimization algorithms*, with generalised advantage estimation
(Schulman et al. 2016) and without an extra limit on the value's loss. Shapes: T ticks of a rollout, R rows of the
batch (worlds × places), F features, N actions, B rows of a minibatch.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

import townlet

#: Logit of illegal actions; finite, so that their probability × log-probability is 0 and not NaN.
ILLEGAL_LOGIT = -1e9


@dataclass
class Settings:
    """All settings; each is an option of the command line."""

    scenario: str = "town_day"
    """Name of a built-in scenario, or a YAML file."""
    steps: int = 2_000_000
    """Agent-steps to train for, rounded up to a whole number of rollouts."""
    seed: int = 0
    worlds: int = 64
    """Towns side by side."""
    ticks: int = 64
    """Ticks of a rollout."""
    minibatch: int = 4096
    """Rows per step of the optimizer."""
    epochs: int = 4
    """Passes over each rollout."""
    hidden: int = 64
    """Units of each of the two layers."""
    learning_rate: float = 1e-3
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip: float = 0.2
    entropy: float = 0.01
    """Weight of the entropy in the loss."""
    value: float = 0.5
    """Weight of the value's squared error in the loss."""
    gradient_norm: float = 0.5
    threads: int = 1
    """Threads of torch; networks this small gain little from more."""
    output: str = ""
    """File for the weights."""


class Agent(nn.Module):
    """Two shared layers, then the logits of all actions and the value in one layer."""

    def __init__(self, features: int, actions: int, hidden: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.head = nn.Linear(hidden, actions + 1)
        for layer in (self.trunk[0], self.trunk[2]):
            nn.init.orthogonal_(layer.weight, 2**0.5)
            nn.init.zeros_(layer.bias)
        # At first all legal actions are almost equally likely.
        nn.init.orthogonal_(self.head.weight, 0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, observation: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of all actions, float32 [B, N], and values, float32 [B]."""
        output = self.head(self.trunk(observation))
        logits = output[:, :-1].masked_fill(~mask, ILLEGAL_LOGIT)
        return log_softmax(logits, dim=1), output[:, -1]


class Rollout(NamedTuple):
    """Transitions [T, R]; the observations and masks are those that the action was chosen from."""

    observation: Tensor
    mask: Tensor
    alive: Tensor
    action: Tensor
    log_prob: Tensor
    value: Tensor
    reward: Tensor
    limit_value: Tensor
    """Value of the last observation where the time limit cut a life off, else 0."""
    done: Tensor

    @classmethod
    def empty(cls, ticks: int, rows: int, features: int, actions: int) -> Rollout:
        """Room for ``ticks`` × ``rows`` transitions."""
        log_prob, value, reward, limit_value, done = (torch.zeros(ticks, rows) for _ in range(5))
        return cls(
            torch.zeros(ticks, rows, features),
            torch.zeros(ticks, rows, actions, dtype=torch.bool),
            torch.zeros(ticks, rows, dtype=torch.bool),
            torch.zeros(ticks, rows, dtype=torch.int64),
            log_prob,
            value,
            reward,
            limit_value,
            done,
        )


class Training:
    """A policy, the towns that it acts in, and one rollout after another."""

    def __init__(self, settings: Settings) -> None:
        torch.set_num_threads(settings.threads)
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.batch = townlet.vector_env(settings.scenario, worlds=settings.worlds, seed=settings.seed)
        features, actions = self.batch.single_observation_space.shape[0], int(self.batch.single_action_space.n)
        self.agent = Agent(features, actions, settings.hidden)
        self.optimizer = torch.optim.Adam(self.agent.parameters(), settings.learning_rate, eps=1e-5, fused=True)
        self.rollout = Rollout.empty(settings.ticks, self.batch.num_envs, features, actions)
        self.observation, self.info = self.batch.reset()
        self.steps = 0

    @torch.inference_mode()
    def collect(self) -> Tensor:
        """Fill the rollout with the next ticks; return the values of the observations after it, float32 [R]."""
        rollout = self.rollout
        for t in range(self.settings.ticks):
            # The batch's arrays are the simulator's own, and the next step overwrites them: the rollout keeps copies.
            rollout.observation[t] = torch.from_numpy(self.observation)
            rollout.mask[t] = torch.from_numpy(self.info["action_mask"])
            rollout.alive[t] = torch.from_numpy(self.info["alive"])
            log_probs, rollout.value[t] = self.agent(rollout.observation[t], rollout.mask[t])
            rollout.action[t] = drawn(log_probs)
            rollout.log_prob[t] = log_probs.gather(1, rollout.action[t, :, None])[:, 0]
            self.observation, reward, terminated, truncated, self.info = self.batch.step(rollout.action[t].numpy())
            rollout.reward[t] = torch.from_numpy(reward)
            rollout.done[t] = torch.from_numpy(terminated | truncated)
            rollout.limit_value[t] = self.value_at_limit(truncated) if truncated.any() else 0.0
        self.steps += rollout.alive.numel()
        return self.agent(torch.from_numpy(self.observation), torch.from_numpy(self.info["action_mask"]))[1]

    def value_at_limit(self, truncated: np.ndarray) -> Tensor:
        """Values of the last observations of the rows that the time limit cuts off, 0 elsewhere, float32 [R].

        Life would go on there, so what it would have brought belongs to the last reward. After a faint there is
        nothing.
        """
        final = torch.from_numpy(self.info["final_obs"])
        everything = torch.ones(len(final), self.rollout.mask.shape[2], dtype=torch.bool)
        return self.agent(final, everything)[1] * torch.from_numpy(truncated)

    def advantages(self, last_value: Tensor) -> Tensor:
        """Generalised advantage estimates, float32 [T, R]; nothing is carried across an end."""
        rollout, gamma, decay = self.rollout, self.settings.gamma, self.settings.gae_lambda
        advantage = torch.zeros_like(rollout.reward)
        following, value = torch.zeros_like(last_value), last_value
        for t in reversed(range(self.settings.ticks)):
            goes_on = gamma * (1 - rollout.done[t])
            error = rollout.reward[t] + goes_on * value + gamma * rollout.limit_value[t] - rollout.value[t]
            following = error + goes_on * decay * following
            advantage[t], value = following, rollout.value[t]
        return advantage

    def update(self, advantage: Tensor) -> None:
        """Learn from the rollout: ``epochs`` passes over the rows in which somebody acted, in random minibatches."""
        returns = (advantage + self.rollout.value).flatten()
        flat = Rollout(*(column.flatten(0, 1) for column in self.rollout))
        advantage = advantage.flatten()
        acted = flat.alive.nonzero()[:, 0]
        for _ in range(self.settings.epochs):
            for rows in acted[torch.randperm(len(acted))].split(self.settings.minibatch):
                drawn_rows = Rollout(*(column.index_select(0, rows) for column in flat))
                loss = self.loss(drawn_rows, advantage[rows], returns[rows])
                self.optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.agent.parameters(), self.settings.gradient_norm)
                self.optimizer.step()

    def loss(self, rows: Rollout, advantage: Tensor, returns: Tensor) -> Tensor:
        """The loss of a minibatch: limited policy gradient, squared error of the value, and entropy."""
        settings = self.settings
        log_probs, value = self.agent(rows.observation, rows.mask)
        advantage = (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8)
        ratio = (log_probs.gather(1, rows.action[:, None])[:, 0] - rows.log_prob).exp()
        limited = ratio.clamp(1 - settings.clip, 1 + settings.clip)
        policy = torch.minimum(ratio * advantage, limited * advantage).mean()
        entropy = -(log_probs.exp() * log_probs).sum(dim=1).mean()
        return settings.value * (returns - value).square().mean() - policy - settings.entropy * entropy

    def run(self, report: bool = False) -> list[float]:
        """Train for ``steps`` agent-steps; return the mean reward of an agent-step in each rollout."""
        rewards: list[float] = []
        begin = time.perf_counter()
        while self.steps < self.settings.steps:
            self.update(self.advantages(self.collect().clone()))
            rewards.append(float(self.rollout.reward[self.rollout.alive].mean()))
            if report:
                rate = self.steps / (time.perf_counter() - begin)
                print(f"{self.steps} agent-steps, {rate:.0f} a second, reward {rewards[-1]:.4f}", flush=True)
        return rewards


def drawn(log_probs: Tensor) -> Tensor:
    """Draw an action for each row by its log-probabilities, float32 [B, N]; int64 [B].

    A uniform number falls into one of the intervals that the probabilities make of 0 to their sum.
    """
    ends = log_probs.exp().cumsum(dim=1)
    return (ends <= ends[:, -1:] * torch.rand(len(ends), 1)).sum(dim=1)


def train(scenario: str, steps: int, seed: int, **settings: Any) -> tuple[Agent, float, float]:
    """Train a policy; return it and the mean reward per agent-step in the first and the last quarter."""
    training = Training(Settings(scenario=scenario, steps=steps, seed=seed, **settings))
    rewards = training.run()
    quarter = max(len(rewards) // 4, 1)
    return training.agent, sum(rewards[:quarter]) / quarter, sum(rewards[-quarter:]) / quarter


def main() -> None:
    """Train with the options of the command line, and print the rewards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in vars(Settings()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    training = Training(Settings(**vars(parser.parse_args())))
    rewards = training.run(report=True)
    quarter = max(len(rewards) // 4, 1)
    first, last = sum(rewards[:quarter]) / quarter, sum(rewards[-quarter:]) / quarter
    print(f"{training.steps} agent-steps; reward per agent-step {first:.4f} at first, {last:.4f} at last")
    if training.settings.output:
        torch.save(training.agent.state_dict(), training.settings.output)


if __name__ == "__main__":
    main()
