"""Training of one masked policy for everybody in town by MaskablePPO of sb3-contrib.

    python examples/train_maskable.py --scenario queue_conflict --steps 50000 --output model.zip
    python examples/train_maskable.py --scenario town_day --steps 2000000 --gamma 0.998 --commitment-ticks 16

Each place in town is one sub-environment, so everybody shares the policy and its experience (:mod:`sb3_town`). Illegal
actions have probability 0, when people act and when they learn. With ``--commitment-ticks`` people go on with what they
have begun, and choose only in ticks of a decision; in all others the mask leaves one action.
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


def model_of(environment: TownVecEnv, seed: int, rollout: int = ROLLOUT, gamma: float = 0.99) -> MaskablePPO:
    """A model whose rollouts have ``rollout`` ticks."""
    return MaskablePPO(
        "MlpPolicy",
        environment,
        n_steps=rollout,
        batch_size=BATCH,
        gamma=gamma,
        rollout_buffer_class=OccupiedMaskableRollout,
        seed=seed,
        device="cpu",
    )


def train(
    scenario: str, steps: int, seed: int, gamma: float = 0.99, commitment_ticks: int = 0
) -> tuple[MaskablePPO, float, float]:
    """Train a model; return it and the mean reward per agent-step in the first and the last quarter."""
    # Networks this small gain nothing from more threads, and lose much on a busy machine.
    torch.set_num_threads(1)
    environment = TownVecEnv(scenario, worlds=WORLDS, commitment_ticks=commitment_ticks)
    model = model_of(environment, seed, gamma=gamma)
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
    parser.add_argument("--gamma", type=float, default=0.99, help="discount per tick; 0.998 suits whole days")
    parser.add_argument("--commitment-ticks", type=int, default=0, help="ticks after which people reconsider")
    parser.add_argument("--output", help="file for the model")
    options = parser.parse_args()
    model, first, last = train(options.scenario, options.steps, options.seed, options.gamma, options.commitment_ticks)
    print(f"{model.num_timesteps} agent-steps; reward per agent-step {first:.4f} at first, {last:.4f} at last")
    if options.output:
        model.save(options.output)


if __name__ == "__main__":
    main()
