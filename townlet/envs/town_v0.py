"""PettingZoo-style module of the town, with ``env``, ``raw_env`` and ``parallel_env``.

All three take the arguments of :func:`townlet.parallel_env`, whose default scenario is ``town_day``.
"""

from __future__ import annotations

from typing import Any

from pettingzoo import AECEnv
from pettingzoo.utils.conversions import parallel_to_aec
from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper

from townlet.envs.parallel import parallel_env

__all__ = ["env", "parallel_env", "raw_env"]


def raw_env(*args: Any, **kwargs: Any) -> AECEnv[Any, Any, Any]:
    """Make a town whose agents act one after another; the tick passes after the last."""
    return parallel_to_aec(parallel_env(*args, **kwargs))


def env(*args: Any, **kwargs: Any) -> AECEnv[Any, Any, Any]:
    """Make the environment of :func:`raw_env`, with a wrapper that refuses actions out of bounds."""
    return AssertOutOfBoundsWrapper(raw_env(*args, **kwargs))
