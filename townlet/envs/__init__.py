"""Environments of the town for learning libraries.

:func:`parallel_env` makes a PettingZoo environment, :func:`vector_env` a batched Gymnasium environment without copies,
and ``gymnasium.make("townlet.envs:townlet/TownDay-v0")`` a Gymnasium environment of one person. Importing this package
registers the built-in scenarios with Gymnasium and PettingZoo.
"""

from townlet.envs.parallel import TownParallelEnv, parallel_env
from townlet.envs.registration import register_environments
from townlet.envs.single import TownEnv
from townlet.envs.slots import FixedParallelEnv, SlotParallelEnv
from townlet.envs.vector import TownVectorEnv, vector_env

__all__ = [
    "FixedParallelEnv",
    "SlotParallelEnv",
    "TownEnv",
    "TownParallelEnv",
    "TownVectorEnv",
    "parallel_env",
    "register_environments",
    "vector_env",
]

register_environments()
