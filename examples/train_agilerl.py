"""Training of one masked policy for everybody in many towns by AgileRL's PPO, on the batch of towns.

    python examples/train_agilerl.py --scenario queue_conflict --steps 50000

AgileRL's PPO reads masks from the infos of a vector environment. Its own ``collect_rollouts`` does not suit the town:
AgileRL 2.58 takes the time limit for an end, and its advantages expect the ends of the step before. :func:`collect`
stores the rollout as they expect it, with the values of last observations in the rewards. It has the arguments of
``collect_rollouts``, so ``train_on_policy(…, collect_rollouts_fn=collect)`` tunes a population with it.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from agilerl.algorithms import PPO
from numpy.typing import NDArray

import townlet

WORLDS, TICKS = 16, 64


def collect(
    agent: PPO,
    towns: Any,
    n_steps: int | None = None,
    last_obs: NDArray[Any] | None = None,
    last_done: NDArray[Any] | None = None,
    last_scores: NDArray[Any] | None = None,
    last_info: dict[str, Any] | None = None,
) -> tuple[list[float], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
    """Fill the agent's buffer; return the sums of rewards of lives that ended, and the state for the next call."""
    observation, ended, scores, info = last_obs, last_done, last_scores, last_info
    if observation is None or ended is None or scores is None or info is None:
        observation, info = towns.reset()
        ended, scores = np.ones(towns.num_envs, np.bool_), np.zeros(towns.num_envs)
    finished: list[float] = []
    agent.rollout_buffer.reset()
    for _ in range(n_steps or -(agent.learn_step // -agent.num_envs)):
        # The towns overwrite their arrays in the next step.
        seen, mask, alive = observation.copy(), info["action_mask"].copy(), info["alive"].copy()
        action, log_prob, _, value = agent.get_action(seen, action_mask=mask)
        observation, reward, terminated, truncated, info = towns.step(action)
        scores += reward
        reward = reward.copy()
        if truncated.any():
            reward[truncated] += agent.gamma * values(agent, info["final_obs"][truncated])
        agent.rollout_buffer.add(
            obs=seen, action=action, reward=reward, done=ended, value=value, log_prob=log_prob, action_mask=mask
        )
        # An empty place ends in every tick: nothing leads from it to its newcomer.
        ended = terminated | truncated | ~alive
        finished += scores[ended & alive].tolist()
        scores[ended] = 0
    agent.rollout_buffer.compute_returns_and_advantages(last_value=values(agent, observation), last_done=ended)
    agent.scores += finished
    return finished, observation, ended, scores, info


def values(agent: PPO, observation: NDArray[np.float32]) -> NDArray[np.float32]:
    """The critic's values, float32 [B]."""
    with torch.no_grad():
        values: NDArray[np.float32] = agent._get_action_and_values(agent.preprocess_observation(observation))[3].numpy()
    return values


def learn(agent: PPO) -> float:
    """One update from the buffer; return the loss. Rows of empty places, which see only zeros, are left out."""
    rows = agent.rollout_buffer.get_tensor_batch(device="cpu")
    return float(agent.learn(rows[rows["observations"].any(dim=1)]))


def make_agent(towns: Any, ticks: int = TICKS) -> PPO:
    """A PPO agent with networks of two hidden layers."""
    layers = {"hidden_size": [64]}
    return PPO(
        towns.single_observation_space,
        towns.single_action_space,
        net_config={"latent_dim": 64, "encoder_config": layers, "head_config": layers},
        num_envs=towns.num_envs,
        learn_step=ticks * towns.num_envs,
        batch_size=256,
        lr=1e-3,
        gamma=0.99,
        update_epochs=8,
    )


def train(scenario: str, steps: int, seed: int) -> tuple[PPO, float, float]:
    """Train an agent; return it and the mean reward of a life in the first and the last quarter."""
    # Networks this small gain nothing from more threads, and lose much on a busy machine.
    torch.set_num_threads(1)
    np.random.seed(seed)
    torch.manual_seed(seed)
    towns = townlet.vector_env(scenario, worlds=WORLDS, seed=seed)
    agent = make_agent(towns)
    rewards: list[float] = []
    state: tuple[Any, ...] = ()
    for _ in range(max(steps // (TICKS * towns.num_envs), 1)):
        finished, *state = collect(agent, towns, None, *state)
        learn(agent)
        rewards += finished
    quarter = max(len(rewards) // 4, 1)
    return agent, float(np.mean(rewards[:quarter])), float(np.mean(rewards[-quarter:]))


def main() -> None:
    """Train with the options of the command line, and print the rewards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="town_day", help="name of a built-in scenario, or a YAML file")
    parser.add_argument("--steps", type=int, default=200_000, help="agent-steps")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    _, first, last = train(options.scenario, options.steps, options.seed)
    print(f"reward of a life {first:.3f} at first, {last:.3f} at last")


if __name__ == "__main__":
    main()
