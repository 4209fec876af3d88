"""What MaskablePPO of sb3-contrib does with the town: masks, values at the time limit, people who leave and arrive."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import train_maskable
from known_critic import installed, report
from sb3 import check


def main() -> None:
    """Print the result of the check."""
    torch.set_num_threads(1)
    report(
        "sb3-contrib MaskablePPO",
        versions=installed("sb3-contrib", "stable-baselines3", "gymnasium", "torch", "numpy"),
        package="sb3-contrib",
        **check(lambda environment, ticks: train_maskable.model_of(environment, 0, ticks)),
        way="`examples/train_maskable.py`: `townlet.vector_env` as a `VecEnv` with `action_masks`",
        limits="",
    )


if __name__ == "__main__":
    main()
