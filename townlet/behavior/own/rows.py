"""Behaviours that choose row by row, from what each person observes."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import NarrowingBehavior
from townlet.behavior.decisions import narrow_to_decisions, take_only
from townlet.world import Town


class RowsBehavior(NarrowingBehavior):
    """A base for behaviours that are a function of observations, masks and draws.

    With ``commitment_ticks`` people stay with a choice, as :mod:`townlet.behavior.decisions` says. Only those who
    decide are then asked; the others go on, with log-probability 0 and no value.
    """

    commitment_ticks: int = 0

    @abstractmethod
    def choose(
        self, observation: NDArray[np.float32], mask: NDArray[np.bool_], draws: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Actions, their log-probabilities and values, each [B], for observations [B, F], masks [B, N], draws [B]."""

    def choose_in(
        self,
        town: Town,
        slots: NDArray[np.int64],
        observation: NDArray[np.float32],
        mask: NDArray[np.bool_],
        draws: NDArray[np.float64],
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """As :meth:`choose`, for these slots of a town, int64 [B]; behaviours with a memory have it there."""
        return self.choose(observation, mask, draws)

    def act_within(
        self,
        town: Town,
        mask: NDArray[np.bool_],
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody as in :meth:`act`, and fill ``mask``, bool [W, A, N], with what they chose among."""
        rows = np.arange(action.size)
        if self.commitment_ticks:
            rows = narrow_to_decisions(town, self.commitment_ticks, mask, rows)
        else:
            mask[:] = town.mask
        legal, draws = mask.reshape(action.size, -1), town.policy_draws().reshape(-1)
        actions = np.empty(action.size, np.int32)
        log_probs, values = np.zeros(action.size, np.float32), np.full(action.size, math.nan, np.float32)
        if self.commitment_ticks:
            take_only(legal, actions)
        if len(rows):
            # Copies, since what is given may be kept or changed, and the town writes into its arrays in place.
            observation = town.observation.reshape(action.size, -1)[rows]
            found = self.choose_in(town, rows, observation, legal[rows], draws[rows])
            actions[rows], log_probs[rows], values[rows] = found
        for given, computed in ((action, actions), (log_prob, log_probs), (value, values)):
            given[:] = computed.reshape(given.shape)
