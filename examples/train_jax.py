"""Training of one masked policy for everybody in many towns by PPO in JAX, in one file, on the batch of towns.

    python examples/train_jax.py --scenario queue_conflict --steps 100000

The towns hand over NumPy arrays, which JAX copies; the networks and the updates are compiled by JAX, with Optax as
optimiser.
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

import townlet

WORLDS, TICKS, EPOCHS, MINIBATCH = 16, 64, 8, 512
GAMMA, LAMBDA, CLIP, ENTROPY = 0.99, 0.95, 0.2, 0.003
#: Logit of illegal actions; finite, so that their probability × log-probability is 0 and not NaN.
ILLEGAL_LOGIT = -1e30
OPTIMIZER = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(1e-3))


class Rollout(NamedTuple):
    """What T ticks of R rows held; all arrays begin with [T, R], or with [B] when they are flat."""

    observation: Any
    mask: Any
    action: Any
    log_prob: Any
    value: Any
    reward: Any
    """With the discounted value of the last observation, where the time limit cut a life."""
    ended: Any
    """Whether nothing leads from this tick to the next: somebody left, the limit came, or the place was empty."""
    alive: Any
    """Whether somebody was in the place; other rows are not learned from."""


def layers(key: Any, sizes: tuple[int, ...]) -> list[tuple[Any, Any]]:
    """Weights and biases of a network."""
    keys = jax.random.split(key, len(sizes) - 1)
    pairs = zip(keys, sizes[:-1], sizes[1:], strict=True)
    return [(jax.random.normal(k, (i, o)) / jnp.sqrt(i), jnp.zeros(o)) for k, i, o in pairs]


def forward(network: list[tuple[Any, Any]], x: Any) -> Any:
    """The network's outputs."""
    for weight, bias in network[:-1]:
        x = jnp.tanh(x @ weight + bias)
    weight, bias = network[-1]
    return x @ weight + bias


@jax.jit
def evaluate(parameters: Any, observation: Any, mask: Any) -> tuple[Any, Any]:
    """Log-probabilities float32 [B, N] of the actions, and values float32 [B]."""
    logits = jnp.where(mask, forward(parameters["policy"], observation), ILLEGAL_LOGIT)
    return jax.nn.log_softmax(logits), forward(parameters["value"], observation)[..., 0]


@jax.jit
def act(parameters: Any, key: Any, observation: Any, mask: Any) -> tuple[Any, Any, Any]:
    """Actions int32 [B], their log-probabilities and values float32 [B]."""
    log_probs, value = evaluate(parameters, observation, mask)
    action = jax.random.categorical(key, log_probs)
    return action, jnp.take_along_axis(log_probs, action[:, None], 1)[:, 0], value


def loss(parameters: Any, rows: Rollout, advantage: Any, target: Any) -> Any:
    """PPO's clipped loss of a minibatch, over the rows of people."""
    log_probs, value = evaluate(parameters, rows.observation, rows.mask)
    ratio = jnp.exp(jnp.take_along_axis(log_probs, rows.action[:, None], 1)[:, 0] - rows.log_prob)
    surrogate = jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - CLIP, 1 + CLIP) * advantage)
    entropy = -(jnp.exp(log_probs) * log_probs).sum(1)
    each = -surrogate + 0.5 * (value - target) ** 2 - ENTROPY * entropy
    return (each * rows.alive).sum() / jnp.maximum(rows.alive.sum(), 1)


@jax.jit
def update(parameters: Any, state: Any, rows: Rollout, advantage: Any, target: Any) -> tuple[Any, Any]:
    """One step of the optimiser."""
    changes, state = OPTIMIZER.update(jax.grad(loss)(parameters, rows, advantage, target), state)
    return optax.apply_updates(parameters, changes), state


class Training:
    """The towns, the networks and the optimiser."""

    def __init__(self, scenario: str, seed: int, worlds: int = WORLDS) -> None:
        self.towns = townlet.vector_env(scenario, worlds=worlds, seed=seed)
        features, actions = self.towns.single_observation_space.shape[0], int(self.towns.single_action_space.n)
        self.key, first, second = jax.random.split(jax.random.key(seed), 3)
        self.parameters: Any = {
            "policy": layers(first, (features, 64, 64, actions)),
            "value": layers(second, (features, 64, 64, 1)),
        }
        self.optimizer_state = OPTIMIZER.init(self.parameters)
        self.order = np.random.default_rng(seed)
        self.observation, self.info = self.towns.reset()
        self.values: Any = lambda observation: forward(self.parameters["value"], observation)[..., 0]

    def collect(self, ticks: int = TICKS) -> Rollout:
        """Act for some ticks."""
        steps = []
        for _ in range(ticks):
            # The towns overwrite their arrays in the next step.
            seen, mask, alive = self.observation.copy(), self.info["action_mask"].copy(), self.info["alive"].copy()
            self.key, key = jax.random.split(self.key)
            action, log_prob, _ = (np.asarray(part) for part in act(self.parameters, key, seen, mask))
            self.observation, reward, terminated, truncated, self.info = self.towns.step(action)
            reward = reward.copy()
            if truncated.any():
                reward += GAMMA * truncated * np.asarray(self.values(self.info["final_obs"].copy()))
            ended = terminated | truncated | ~alive
            steps.append(Rollout(seen, mask, action, log_prob, self.values(seen), reward, ended, alive))
        return Rollout(*(np.stack(part) for part in zip(*steps, strict=True)))

    def advantages(self, rollout: Rollout) -> NDArray[np.float32]:
        """Generalised advantages, float32 [T, R]."""
        following, running = np.asarray(self.values(self.observation.copy())), np.zeros(self.towns.num_envs, np.float32)
        advantages = np.zeros_like(rollout.reward)
        for tick in reversed(range(len(advantages))):
            goes_on = ~rollout.ended[tick]
            delta = rollout.reward[tick] + GAMMA * goes_on * following - rollout.value[tick]
            advantages[tick] = running = delta + GAMMA * LAMBDA * goes_on * running
            following = rollout.value[tick]
        return advantages

    def learn(self, rollout: Rollout) -> None:
        """Some epochs of minibatches over a rollout."""
        advantage = self.advantages(rollout)
        target = (advantage + rollout.value).ravel()
        mean, deviation = advantage[rollout.alive].mean(), advantage[rollout.alive].std()
        advantage = (advantage.ravel() - mean) / (deviation + 1e-8)
        flat = Rollout(*(part.reshape(-1, *part.shape[2:]) for part in rollout))
        for _ in range(EPOCHS):
            # Minibatches of one size, or JAX would compile the update once more.
            order = self.order.permutation(len(target))[: len(target) // MINIBATCH * MINIBATCH]
            for rows in order.reshape(-1, MINIBATCH):
                taken = Rollout(*(part[rows] for part in flat))
                self.parameters, self.optimizer_state = update(
                    self.parameters, self.optimizer_state, taken, advantage[rows], target[rows]
                )


def train(scenario: str, steps: int, seed: int) -> tuple[Training, float, float]:
    """Train a policy; return it and the mean reward per agent-step in the first and the last quarter."""
    training = Training(scenario, seed)
    rewards: list[float] = []
    for _ in range(max(steps // (TICKS * training.towns.num_envs), 1)):
        rollout = training.collect()
        # Ends hold a value besides the reward.
        rewards.append(float(rollout.reward[rollout.alive & ~rollout.ended].mean()))
        training.learn(rollout)
    quarter = max(len(rewards) // 4, 1)
    return training, sum(rewards[:quarter]) / quarter, sum(rewards[-quarter:]) / quarter


def main() -> None:
    """Train with the options of the command line, and print the rewards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="town_day", help="name of a built-in scenario, or a YAML file")
    parser.add_argument("--steps", type=int, default=500_000, help="agent-steps")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    _, first, last = train(options.scenario, options.steps, options.seed)
    print(f"reward per agent-step {first:.4f} at first, {last:.4f} at last")


if __name__ == "__main__":
    main()
