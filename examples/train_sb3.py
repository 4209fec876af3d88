"""Training of one Stable-Baselines3 PPO policy for everybody in town, through SuperSuit.

    python examples/train_sb3.py --scenario queue_conflict --steps 50000

SuperSuit turns each slot in town into one sub-environment of a vector environment, so all slots share the policy and
its experience. Slots rather than people are the agents (``agents="slots"``), because SuperSuit needs the same agents in
every step. PPO in Stable-Baselines3 does not support action masks; an illegal action counts as waiting.
"""

from __future__ import annotations

import argparse

import supersuit
import torch
from stable_baselines3 import PPO

import townlet

WORLDS = 4
ROLLOUT = 64
BATCH = 256


def train(scenario: str, steps: int, seed: int) -> tuple[PPO, float, float]:
    """Train a model; return it and the mean reward per agent-step in the first and the last quarter."""
    # Networks this small gain nothing from more threads, and lose much on a busy machine.
    torch.set_num_threads(1)
    town = townlet.parallel_env(scenario, agents="slots", action_mask="info")
    slots = supersuit.pettingzoo_env_to_vec_env_v1(town)
    environment = supersuit.concat_vec_envs_v1(slots, WORLDS, base_class="stable_baselines3")
    # SuperSuit passes seeds to a method that its vector environments do not have.
    environment.seed = lambda seed=None: environment.venv.reset(seed=seed)
    model = PPO("MlpPolicy", environment, n_steps=ROLLOUT, batch_size=BATCH, seed=seed, device="cpu")
    rewards: list[float] = []
    model.learn(steps, callback=lambda variables, _: rewards.append(float(variables["rewards"].mean())) or True)
    environment.close()
    quarter = max(len(rewards) // 4, 1)
    return model, sum(rewards[:quarter]) / quarter, sum(rewards[-quarter:]) / quarter


def main() -> None:
    """Train with the options of the command line, and print the rewards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="town_day", help="name of a built-in scenario, or a YAML file")
    parser.add_argument("--steps", type=int, default=200_000, help="agent-steps")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    model, first, last = train(options.scenario, options.steps, options.seed)
    print(f"{model.num_timesteps} agent-steps; reward per agent-step {first:.4f} at first, {last:.4f} at last")


if __name__ == "__main__":
    main()
