"""Behaviours that choose people's actions: scripted, random, heuristic and neural, and those made outside Townlet.

The neural behaviour is not imported here because it needs torch: see :mod:`townlet.behavior.neural`.
"""

from townlet.behavior.base import Behavior, DeterministicBehavior, NarrowingBehavior
from townlet.behavior.heuristic import HeuristicBehavior
from townlet.behavior.own import from_actions, from_logits
from townlet.behavior.random import RandomBehavior
from townlet.behavior.scripted import ScriptedBehavior

__all__ = [
    "Behavior",
    "DeterministicBehavior",
    "HeuristicBehavior",
    "NarrowingBehavior",
    "RandomBehavior",
    "ScriptedBehavior",
    "from_actions",
    "from_logits",
]
