"""A record of one minibatch, and the schedules of PPO's constants."""

from __future__ import annotations

from typing import Literal, NamedTuple


class MinibatchRecord(NamedTuple):
    """Statistics of one minibatch, before its optimizer step."""

    loss_policy: float
    loss_value: float
    loss_entropy: float
    loss_total: float
    kl_divergence: float
    grad_norm: float
    clip_fraction: float
    entropy: float
    adv_std: float
    adv_constant: bool
    agreement: float
    """Share of states in which the recorded action is the most probable one; NaN unless cloning."""


def scheduled(value: float, schedule: Literal["constant", "linear"], progress: float) -> float:
    """The value of a scheduled constant when the share ``progress`` of the training is done."""
    return value if schedule == "constant" else value * (1.0 - progress)
