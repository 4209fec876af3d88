"""Behaviours: policies that choose an action for everybody and say how likely each choice was."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from townlet.world import Town


class Behavior(Protocol):
    """A behaviour policy."""

    @property
    def name(self) -> str:
        """The name in manifests: ``scripted``, ``random``, ``heuristic``, ``neural``."""

    @property
    def deterministic(self) -> bool:
        """Whether it always chooses the same action in the same state; then the log-probability is 0."""

    def act(
        self,
        town: Town,
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose an action for everybody, in place.

        Args:
            town: the worlds to act in.
            action: int32 [W, A], filled with the chosen actions.
            log_prob: float32 [W, A], filled with ln of the probability with which this policy chose each.
            value: float32 [W, A], filled with its estimate of each return, NaN if it makes none.
        """


class NarrowingBehavior(ABC):
    """A base for behaviours that choose among some of the legal actions only, and say among which."""

    @abstractmethod
    def act_within(
        self,
        town: Town,
        mask: NDArray[np.bool_],
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody as in :meth:`act`, and fill ``mask``, bool [W, A, N], with what they chose among."""

    def act(
        self,
        town: Town,
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody; see :meth:`Behavior.act`. The arrays must be contiguous."""
        self.act_within(town, np.empty_like(town.mask), action, log_prob, value)


def act_within(
    behavior: Behavior,
    town: Town,
    mask: NDArray[np.bool_],
    action: NDArray[np.int32],
    log_prob: NDArray[np.float32],
    value: NDArray[np.float32],
) -> None:
    """Let a behaviour choose for everybody as in :meth:`Behavior.act`, and fill ``mask`` with what it chose among.

    ``mask``, bool [W, A, N], are the town's legal actions, unless it is a :class:`NarrowingBehavior`.
    """
    if isinstance(behavior, NarrowingBehavior):
        behavior.act_within(town, mask, action, log_prob, value)
        return
    mask[:] = town.mask
    behavior.act(town, action, log_prob, value)


class DeterministicBehavior(ABC):
    """A base for behaviours that use no chance and estimate no value: a subclass only chooses the actions."""

    name: str
    deterministic = True

    @abstractmethod
    def choose(self, town: Town, action: NDArray[np.int32]) -> None:
        """Fill ``action``, int32 [W, A], with an action for everybody."""

    def act(
        self,
        town: Town,
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody; see :meth:`Behavior.act`."""
        self.choose(town, action)
        log_prob[:] = 0.0
        value[:] = math.nan
