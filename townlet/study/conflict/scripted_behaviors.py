"""Scripted behaviours of the study (first come, first served; queue-jumpers; doormats) and action noise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior
from townlet.behavior.heuristic import choose_by_need
from townlet.world import Town
from townlet.world.engine.random import POLICY_STREAM, fill_draws
from townlet.world.rules.actions import PUSH, REQUEST, START, WAIT, YIELD

#: Purposes of the draws of :class:`ActionNoise`; other behaviours have smaller numbers.
_WHETHER, _WHICH = 48, 49


class FirstComeBehavior:
    """The heuristic without rivals and courtesies: people do what relieves most, wait their turn, never push in.

    No grudge reaches the avoid threshold used here, and nobody lets others go first.
    """

    name = "first come, first served"
    deterministic = True

    def act(
        self,
        town: Town,
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody; see :class:`townlet.behavior.base.Behavior`."""
        rules = np.array([town.rules], town.rules.dtype).view(np.recarray)
        rules.avoid_threshold = 2.0
        with np.errstate(over="ignore"):
            choose_by_need(town.state, town.layout, rules[0], action)
        after = REQUEST + town.state.target.shape[2]
        yields = action == after + YIELD
        action[yields & town.mask[..., after + START]] = after + START
        action[yields & ~town.mask[..., after + START]] = WAIT
        log_prob[:] = 0.0
        value[:] = math.nan


class HabitBehavior:
    """Another behaviour plus a habit: people take a certain queue action whenever it is legal."""

    deterministic = True

    def __init__(self, usual: Behavior, habit: int, name: str) -> None:
        self.usual, self.habit, self.name = usual, habit, name

    def act(
        self,
        town: Town,
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody; see :class:`townlet.behavior.base.Behavior`."""
        self.usual.act(town, action, log_prob, value)
        habit = REQUEST + town.state.target.shape[2] + self.habit
        action[town.mask[..., habit]] = habit


def queue_jumper() -> HabitBehavior:
    """People who push in wherever they can."""
    return HabitBehavior(FirstComeBehavior(), PUSH, "queue-jumper")


def doormat() -> HabitBehavior:
    """People who let everybody else go first."""
    return HabitBehavior(FirstComeBehavior(), YIELD, "doormat")


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
