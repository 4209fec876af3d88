"""Scripted behaviours of studies (first come, first served; queue-jumpers; doormats) and action noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import DeterministicBehavior
from townlet.behavior.heuristic import choose_by_need
from townlet.world import Town
from townlet.world.engine.random import POLICY_STREAM, fill_draws
from townlet.world.rules.actions import WAIT

#: Purposes of the draws of :class:`ActionNoise`; other behaviours have smaller numbers.
_WHETHER, _WHICH = 48, 49


class FirstComeBehavior(DeterministicBehavior):
    """The heuristic without rivals and courtesies: people do what relieves most, wait their turn, never push in.

    No grudge reaches the avoid threshold used here, and nobody lets others go first.
    """

    name = "first come, first served"

    def choose(self, town: Town, action: NDArray[np.int32]) -> None:
        """Fill ``action``, int32 [W, A], with an action for everybody."""
        rules = np.array([town.rules], town.rules.dtype).view(np.recarray)
        rules.avoid_threshold = 2.0
        with np.errstate(over="ignore"):
            choose_by_need(town.state, town.layout, rules[0], action)
        start = town.action_names.index("start")
        yields = action == town.action_names.index("yield")
        action[yields & town.mask[..., start]] = start
        action[yields & ~town.mask[..., start]] = WAIT


class HabitBehavior(DeterministicBehavior):
    """Another behaviour plus a habit: people take the action of a certain name whenever it is legal."""

    def __init__(self, usual: DeterministicBehavior, habit: str, name: str) -> None:
        self.usual, self.habit, self.name = usual, habit, name

    def choose(self, town: Town, action: NDArray[np.int32]) -> None:
        """Fill ``action``, int32 [W, A], with an action for everybody."""
        self.usual.choose(town, action)
        habit = town.action_names.index(self.habit)
        action[town.mask[..., habit]] = habit


def queue_jumper() -> HabitBehavior:
    """People who push in wherever they can."""
    return HabitBehavior(FirstComeBehavior(), "push_in", "queue-jumper")


def doormat() -> HabitBehavior:
    """People who let everybody else go first."""
    return HabitBehavior(FirstComeBehavior(), "yield", "doormat")


class ActionNoise:
    """Random legal actions that replace a share of those chosen, so that recordings show how people recover."""

    def __init__(self, share: float) -> None:
        self.share = share

    def apply(self, town: Town, action: NDArray[np.int32]) -> None:
        """Replace a share of the actions, int32 [W, A], by legal ones drawn uniformly, in place."""
        replaced = self._draws(town, _WHETHER) < self.share
        legal = town.mask.cumsum(axis=-1)
        chosen = (self._draws(town, _WHICH) * legal[..., -1]).astype(np.int64) + 1
        action[replaced] = (legal >= chosen[..., None]).argmax(axis=-1)[replaced]

    def _draws(self, town: Town, purpose: int) -> NDArray[np.float64]:
        draws = np.empty(town.alive.shape, np.float64)
        clock = int(town.state.worlds[0].clock)
        with np.errstate(over="ignore"):
            fill_draws(draws, town.seed, POLICY_STREAM, town.first_world, clock, purpose)
        return draws
