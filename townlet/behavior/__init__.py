"""Who chooses: scripted schedules, chance, a heuristic, or a network.

The neural behaviour is not imported here, because it needs torch: see :mod:`townlet.behavior.neural`.
"""

from townlet.behavior.base import Behavior
from townlet.behavior.heuristic import HeuristicBehavior
from townlet.behavior.random import RandomBehavior
from townlet.behavior.scripted import ScriptedBehavior

__all__ = ["Behavior", "HeuristicBehavior", "RandomBehavior", "ScriptedBehavior"]
