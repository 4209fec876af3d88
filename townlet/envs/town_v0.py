"""The town under the names that PettingZoo's own modules have: ``env``, ``raw_env`` and ``parallel_env``.

Everything that takes such a module takes this one; all three callables take the arguments of
:func:`townlet.parallel_env`, of which ``scenario`` is ``town_day`` by default.
"""

from __future__ import annotations

from typing import Any

from pettingzoo import AECEnv
from pettingzoo.utils.conversions import parallel_to_aec
from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper

from townlet.envs.parallel import parallel_env

__all__ = ["env", "parallel_env", "raw_env"]


def raw_env(*args: Any, **kwargs: Any) -> AECEnv[Any, Any, Any]:
    """The town with agents acting one after the other; the tick passes when the last of them has."""
    return parallel_to_aec(parallel_env(*args, **kwargs))


def env(*args: Any, **kwargs: Any) -> AECEnv[Any, Any, Any]:
    """The same, refusing actions that do not exist."""
    return AssertOutOfBoundsWrapper(raw_env(*args, **kwargs))
