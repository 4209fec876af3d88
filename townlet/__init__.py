"""Townlet: a small simulated town whose people learn, by conflict-aware PPO, to share what is scarce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from townlet.envs import parallel_env, vector_env

__all__ = ["parallel_env", "vector_env"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The environments, imported when first asked for: commands that only read files must start without Numba."""
    if name in __all__:
        import townlet.envs

        return getattr(townlet.envs, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
