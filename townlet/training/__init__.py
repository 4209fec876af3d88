"""Learning: PPO on the network's own rollouts, V-trace or cloning on recorded ones.

Names are imported when first used, so that this package's pure functions load without the simulation.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from townlet.rollout import RolloutBuffer
    from townlet.training.divergence import TrainingDiverged
    from townlet.training.environment.run import train_env
    from townlet.training.harness import TrainingHarness
    from townlet.training.options import TrainingOptions
    from townlet.training.resumable import TrainingInterrupted
    from townlet.training.run import TrainingResult, train

__all__ = [
    "RolloutBuffer",
    "TrainingDiverged",
    "TrainingHarness",
    "TrainingInterrupted",
    "TrainingOptions",
    "TrainingResult",
    "train",
    "train_env",
]

_HOMES = {
    "RolloutBuffer": "townlet.rollout",
    "TrainingDiverged": "townlet.training.divergence",
    "TrainingHarness": "townlet.training.harness",
    "TrainingInterrupted": "townlet.training.resumable",
    "TrainingOptions": "townlet.training.options",
    "TrainingResult": "townlet.training.run",
    "train": "townlet.training.run",
    "train_env": "townlet.training.environment.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
