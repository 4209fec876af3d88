"""Training of one masked policy for everybody in town by MaskablePPO of sb3-contrib.

    python examples/train_maskable.py --scenario queue_conflict --steps 50000 --output model.zip

Each place in town is one sub-environment, so everybody shares the policy and its experience (:mod:`sb3_town`). Illegal
actions have probability 0, when people act and when they learn.
"""

from __future__ import annotations

import argparse

import torch
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.buffers import MaskableRolloutBuffer
from sb3_town import OccupiedRows, TownVecEnv

WORLDS = 4
ROLLOUT = 64
BATCH = 256


class OccupiedMaskableRollout(OccupiedRows, MaskableRolloutBuffer):
    """The rollout buffer of MaskablePPO without the rows of empty places."""


def model_of(environment: TownVecEnv, seed: int, rollout: int = ROLLOUT) -> MaskablePPO:
    """A model whose rollouts have ``rollout`` ticks."""
    return MaskablePPO(
        "MlpPolicy",
        environment,
        n_steps=rollout,
        batch_size=BATCH,
        rollout_buffer_class=OccupiedMaskableRollout,
        seed=seed,
        device="cpu",
    )


def train(scenario: str, steps: int, seed: int) -> tuple[MaskablePPO, float, float]:
    """Train a model; return it and the mean reward per agent-step in the first and the last quarter."""
    # Networks this small gain nothing from more threads, and lose much on a busy machine.
    torch.set_num_threads(1)
    environment = TownVecEnv(scenario, worlds=WORLDS)
    model = model_of(environment, seed)
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
    parser.add_argument("--output", help="file for the model")
    options = parser.parse_args()
    model, first, last = train(options.scenario, options.steps, options.seed)
    print(f"{model.num_timesteps} agent-steps; reward per agent-step {first:.4f} at first, {last:.4f} at last")
    if options.output:
        model.save(options.output)


if __name__ == "__main__":
    main()
