"""A policy that commits itself, and everything that it chooses in a tick."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import Behavior, act_within
from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.config.training import NetworkConfig
from townlet.rollout import aligned_zeros
from townlet.world import Town


class Choices(NamedTuple):
    """A tick's choices, each [W, A]; ``asked`` marks the decisions."""

    mask: NDArray[np.bool_]
    action: NDArray[np.int32]
    log_prob: NDArray[np.float32]
    value: NDArray[np.float32]
    asked: NDArray[np.bool_]


def committed(town: Town, ticks: int, *, greedy: bool = False) -> NeuralBehavior:
    """A small network for a town that commits itself for so many ticks; its weights do not depend on them."""
    config = NetworkConfig(hidden=(8,), commitment_ticks=ticks)
    network = ActorCritic(len(town.observation_schema), len(town.action_names), config, seed=3)
    return NeuralBehavior(network, greedy=greedy)


def choices(behavior: Behavior, town: Town) -> Choices:
    """What a behaviour chooses in a town's present state."""
    shape = town.alive.shape
    mask, action = aligned_zeros(town.mask.shape, np.bool_), aligned_zeros(shape, np.int32)
    log_prob, value = aligned_zeros(shape, np.float32), aligned_zeros(shape, np.float32)
    act_within(behavior, town, mask, action, log_prob, value)
    return Choices(mask, action, log_prob, value, np.count_nonzero(mask, axis=-1) > 1)
