"""Training in environments that are no towns: any of Gymnasium's or PettingZoo's, by its name.

Names are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from townlet.training.environment.evaluation import evaluate_in_environment, write_evaluation
    from townlet.training.environment.failure import EnvironmentFailed
    from townlet.training.environment.find import Environment, find_environment
    from townlet.training.environment.run import train_env, train_in_environment
    from townlet.training.environment.settings import EnvironmentSettings, load_settings

__all__ = [
    "Environment",
    "EnvironmentFailed",
    "EnvironmentSettings",
    "evaluate_in_environment",
    "find_environment",
    "load_settings",
    "train_env",
    "train_in_environment",
    "write_evaluation",
]

_HOMES = {
    "Environment": "find",
    "EnvironmentFailed": "failure",
    "EnvironmentSettings": "settings",
    "evaluate_in_environment": "evaluation",
    "find_environment": "find",
    "load_settings": "settings",
    "train_env": "run",
    "train_in_environment": "run",
    "write_evaluation": "evaluation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
