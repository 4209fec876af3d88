"""Who chooses: scripted schedules, chance, or a network.

The neural behaviour is not imported here, because it needs torch: see :mod:`townlet.behavior.neural`.
"""

from townlet.behavior.base import Behavior
from townlet.behavior.random import RandomBehavior
from townlet.behavior.scripted import ScriptedBehavior

__all__ = ["Behavior", "RandomBehavior", "ScriptedBehavior"]
