"""Scripted people of the study: first come, first served; queue-jumpers and doormats; and slips of the hand."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior
from townlet.behavior.heuristic import choose_by_need
from townlet.world import Town
from townlet.world.engine.random import POLICY_STREAM, fill_draws
from townlet.world.rules.actions import PUSH, REQUEST, START, WAIT, YIELD

#: Purposes of the draws of :class:`Slips`; those of other behaviours are smaller.
_SLIP, _SLIPPED = 48, 49


class FirstComeBehavior:
    """Does what relieves most and waits its turn: knows no rivals, lets nobody go first, and never pushes in.

    It is the heuristic with an avoid threshold that no grudge reaches, and without its courtesies.
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
        bows = action == after + YIELD
        action[bows & town.mask[..., after + START]] = after + START
        action[bows & ~town.mask[..., after + START]] = WAIT
        log_prob[:] = 0.0
        value[:] = math.nan


class HabitBehavior:
    """Another behaviour with a bad habit: takes a certain queue action whenever it is legal."""

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
    """Somebody who pushes in wherever it can."""
    return HabitBehavior(FirstComeBehavior(), PUSH, "queue-jumper")


def doormat() -> HabitBehavior:
    """Somebody who lets everybody else go first."""
    return HabitBehavior(FirstComeBehavior(), YIELD, "doormat")


class Slips:
    """Slips of the hand: now and then people do something else that is legal, so that data shows how that ends."""

    def __init__(self, share: float) -> None:
        self.share = share

    def slip(self, town: Town, action: NDArray[np.int32]) -> None:
        """Put a uniformly drawn legal action in place of each of a share of the actions, int32 [W, A]."""
        slips = self._draws(town, _SLIP) < self.share
        legal = town.mask.cumsum(axis=-1)
        wanted = (self._draws(town, _SLIPPED) * legal[..., -1]).astype(np.int64) + 1
        action[slips] = (legal >= wanted[..., None]).argmax(axis=-1)[slips]

    def _draws(self, town: Town, purpose: int) -> NDArray[np.float64]:
        draws = np.empty(town.alive.shape, np.float64)
        clock = int(town.state.worlds[0].clock)
        with np.errstate(over="ignore"):
            fill_draws(draws, town.seed, POLICY_STREAM, town.first_world, clock, purpose)
        return draws
