"""The town as an environment, in the three shapes that learning libraries speak.

:func:`parallel_env` is PettingZoo's, :func:`vector_env` a batched Gymnasium one without copies, and
``gymnasium.make("townlet.envs:townlet/TownDay-v0")`` one person's view. Importing this module registers the built-in
scenarios with Gymnasium and PettingZoo.
"""

from townlet.envs.parallel import TownParallelEnv, parallel_env
from townlet.envs.registration import register_environments
from townlet.envs.single import TownEnv
from townlet.envs.slots import SlotParallelEnv
from townlet.envs.vector import TownVectorEnv, vector_env

__all__ = [
    "SlotParallelEnv",
    "TownEnv",
    "TownParallelEnv",
    "TownVectorEnv",
    "parallel_env",
    "register_environments",
    "vector_env",
]

register_environments()
