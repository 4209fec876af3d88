"""Townlet: a small simulated town whose people learn, by conflict-aware PPO, to share what is scarce."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from townlet.behavior.loaded_policy import load_policy
    from townlet.behavior.own.network_registry import register_network
    from townlet.envs import parallel_env, vector_env

__all__ = ["load_policy", "parallel_env", "register_network", "vector_env"]
__version__ = "0.2.0"

_MODULES = {
    "load_policy": "townlet.behavior.loaded_policy",
    "parallel_env": "townlet.envs",
    "register_network": "townlet.behavior.own.network_registry",
    "vector_env": "townlet.envs",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when first asked for: commands that only read files must start without Numba."""
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
