"""CartPole by Townlet and by Stable-Baselines3's PPO in turn: processor time and return after the same steps.

Both have sixteen environments, rollouts of 64 steps, 8 epochs of minibatches of 256, and a network of twice 64 units.
``python scripts/cartpole_beside_sb3.py [SEEDS]`` prints a line per training.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import gymnasium
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

from townlet.training import train_env
from townlet.training.environment import evaluate_in_environment, load_settings

EPISODES = 100


def main(seeds: int) -> None:
    """Train by each library under each seed."""
    torch.set_num_threads(1)
    training = load_settings(None).training
    steps = training.cycles * training.worlds * training.rollout_ticks
    for seed in range(seeds):
        for library, train in (("townlet", by_townlet), ("stable-baselines3", by_sb3)):
            used, mean = train(seed, steps)
            print(f"{library:17} seed {seed}: {steps:,} steps, {used:.1f} s of processor, mean return {mean:.1f}")


def by_townlet(seed: int, steps: int) -> tuple[float, float]:
    """Processor time of a training by Townlet's default settings, and the policy's mean return."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        train_env("CartPole-v1", Path(folder), seed=seed)
        used = time.process_time() - started
        result = evaluate_in_environment(Path(folder), "CartPole-v1", episodes=EPISODES)
    return used, result["returns"]["policy"]["mean"]


def by_sb3(seed: int, steps: int) -> tuple[float, float]:
    """The same by Stable-Baselines3, with the same amounts and constants and its own normalisation of rewards."""
    from stable_baselines3.common.vec_env import VecNormalize

    training = load_settings(None).training
    rate = training.ppo.learning_rate
    started = time.process_time()
    envs = VecNormalize(make_vec_env("CartPole-v1", training.worlds, seed=seed), norm_obs=False)
    model = PPO(
        "MlpPolicy",
        envs,
        n_steps=training.rollout_ticks,
        n_epochs=training.epochs,
        batch_size=training.ppo.minibatch_size,
        learning_rate=lambda left: rate * left,
        seed=seed,
        device="cpu",
    )
    model.learn(steps)
    used = time.process_time() - started
    mean, _ = evaluate_policy(model, gymnasium.make("CartPole-v1"), EPISODES, deterministic=False, warn=False)
    return used, float(mean)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
