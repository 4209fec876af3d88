"""A batch: experience with everything that one phase of learning needs besides the network.

Experience that the network has just collected is learnt from by PPO with generalised advantage estimation. Batches of
recorded experience are made in :mod:`townlet.training.replay`, batches of both in :mod:`townlet.training.joint`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet.behavior.evaluate import evaluate_rows
from townlet.behavior.network import ActorCritic
from townlet.config.training import TrainingConfig
from townlet.errors import InputError
from townlet.rollout import RolloutBuffer
from townlet.training.advantages import Flags, Floats
from townlet.training.sequences import Sequences, unroll
from townlet.training.trajectories import Trajectories

Method = Literal["none", "cloning", "awr", "vtrace"]


@dataclass(frozen=True)
class Batch:
    """Experience prepared for learning: M = T·W·A rows, of which ``rows`` are the agent-steps to learn from."""

    method: Method
    """How recorded data is learnt from; ``none`` for the network's own experience."""
    rows: NDArray[np.int64]
    """[S]: the agent-steps to learn from; their slots were occupied."""
    observation: Tensor
    """float32 [M, F], a view of the buffer."""
    mask: Tensor
    """bool [M, N], a view of the buffer."""
    action: Tensor
    """int64 [M]"""
    old_log_prob: Tensor
    """float32 [M]: log-probability of the recorded action under the policy at the start of the phase."""
    old_log_probs: Tensor | None
    """float32 [M, N]: log-probabilities of all actions under that policy; only for recorded data."""
    old_value: Tensor
    """float32 [M]: the network's value estimate at the start of the phase."""
    advantage: Tensor
    """float32 [M]"""
    value_target: Tensor
    """float32 [M]: what the value function learns."""
    reward: Tensor
    """float32 [M]"""
    weight: Tensor | None
    """float32 [M]: the truncated importance weight π_old / π_behavior for ``vtrace``, the weight of the cloning loss
    for ``awr``, else None."""
    statistics: dict[str, float]
    """Telemetry fields that are the same in every epoch over this batch."""
    held_out: NDArray[np.int64] | None = None
    """[H]: agent-steps on which cloning is evaluated; none of them is among ``rows``."""
    log_ratio: Floats | None = None
    """float32 [M]: ln π_old − ln π_behavior of the recorded actions, not truncated; only for ``vtrace``."""
    state: Tensor | None = None
    """float32 [M, H]: hidden states before the choices under the policy at the start of the phase; only for a recurrent
    network."""
    sequences: Sequences | None = None
    """Who chose after whom; only for a recurrent network."""

    @property
    def clones(self) -> bool:
        """Whether the recorded actions are imitated rather than improved on."""
        return self.method in ("cloning", "awr")

    @functools.cached_property
    def columns(self) -> Floats:
        """What each row brings to the losses besides observation and mask, float32 [M, 5], side by side.

        Advantage, old log-probability, value target, old value and weight: rows are read in random order, so that
        separate arrays would cost a memory access each.
        """
        columns = np.empty((len(self.action), 5), np.float32)
        for index, name in enumerate(("advantage", "old_log_prob", "value_target", "old_value")):
            columns[:, index] = getattr(self, name)
        columns[:, 4] = 1.0 if self.weight is None else self.weight
        return columns

    def remembering(self, buffer: RolloutBuffer, network: ActorCritic, state: Floats | None) -> Batch:
        """This batch of ``buffer`` with the network's hidden ``state``, float32 [T, W, A, H]; None without a memory."""
        if state is None:
            return self
        flat = torch.from_numpy(state).view(-1, network.state_units)
        return replace(self, state=flat, sequences=Sequences.of(buffer, network))

    def on(self, device: torch.device) -> Batch:
        """Return this batch with its tensors on a device; tensors that are there already are shared."""
        moved: Any = {name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **moved)


class Estimates(NamedTuple):
    """What an advantage estimator found for a buffer, each float32 [T, W·A]."""

    value: Floats
    """The network's value estimate at the start of the phase."""
    advantage: Floats
    value_target: Floats
    weight: Floats | None = None
    """See :attr:`Batch.weight`."""


def rollout_batch(
    buffer: RolloutBuffer, network: ActorCritic, config: TrainingConfig, *, only: Flags | None = None
) -> Batch:
    """Prepare experience that ``network`` has just collected, with its own values and log-probabilities.

    ``only``, bool [W, A], selects the slots that the network drove; None selects all. Of a network that commits itself,
    only decisions are learnt from. Raises InputError if all of the slots were empty throughout.
    """
    require_agent_steps("rollout", buffer, only)
    state = buffer.state if network.state_units else None
    trajectories = Trajectories.of(buffer, buffer.value, network, config.ppo.gamma, state)
    advantage = trajectories.gae(config)
    estimates = Estimates(trajectories.value, advantage, advantage + trajectories.value)
    lived = rows_of(buffer, only)
    rows = trajectories.decisions(lived)
    batch = assemble("none", buffer, rows, estimates, torch.from_numpy(buffer.log_prob), None).remembering(
        buffer, network, state
    )
    if len(rows) < len(lived):
        batch.statistics.update(reward_statistics(buffer.reward.ravel()[lived], buffer.clipped.ravel()[lived]))
    batch.statistics.update(fresh_agent_steps=len(lived), fresh_reward_mean=batch.statistics["reward_mean"])
    return batch


def assemble(
    method: Method,
    buffer: RolloutBuffer,
    rows: NDArray[np.int64],
    estimates: Estimates,
    old_log_prob: Tensor,
    old_log_probs: Tensor | None,
) -> Batch:
    """Make a batch of a buffer.

    Args:
        method: see :attr:`Batch.method`.
        buffer: the experience; the batch shares its memory.
        rows: int64 [S], the agent-steps to learn from.
        estimates: values, advantages and value targets of all agent-steps.
        old_log_prob: float32 [T, W, A], see :attr:`Batch.old_log_prob`.
        old_log_probs: float32 [M, N] or None, see :attr:`Batch.old_log_probs`.
    """
    value, advantage, value_target, weight = estimates
    return Batch(
        method=method,
        rows=rows,
        observation=torch.from_numpy(buffer.observation).view(-1, buffer.features),
        mask=torch.from_numpy(buffer.mask).view(-1, buffer.actions),
        action=torch.from_numpy(buffer.action).long().view(-1),
        old_log_prob=old_log_prob.view(-1),
        old_log_probs=old_log_probs,
        old_value=torch.from_numpy(value).view(-1),
        advantage=torch.from_numpy(advantage).view(-1),
        value_target=torch.from_numpy(value_target).view(-1),
        reward=torch.from_numpy(buffer.reward).view(-1),
        weight=None if weight is None else torch.from_numpy(weight).view(-1),
        statistics=batch_statistics(buffer.reward.ravel()[rows], advantage.ravel()[rows], buffer.clipped.ravel()[rows]),
    )


def batch_statistics(reward: Floats, advantage: Floats, clipped: Flags) -> dict[str, float]:
    """Telemetry fields about the agent-steps of a batch, each array [S]; ``clipped`` marks clipped rewards."""
    return {
        "adv_mean": float(advantage.mean(dtype=np.float64)),
        "adv_std": float(advantage.std(dtype=np.float64)),
        **reward_statistics(reward, clipped),
        "reward_advantage_corr": correlation(reward, advantage),
    }


def reward_statistics(reward: Floats, clipped: Flags) -> dict[str, float]:
    """Telemetry fields about rewards alone, each array [S].

    They describe every tick that people lived, also those without a decision, from which nothing is learnt.
    """
    return {"reward_mean": float(reward.mean(dtype=np.float64)), "reward_clipped_share": float(clipped.mean())}


def correlation(x: Floats, y: Floats) -> float:
    """Pearson's r, computed in float64; 0 where either does not vary."""
    if x.min() == x.max() or y.min() == y.max():
        return 0.0
    dx, dy = (z.astype(np.float64) - z.mean(dtype=np.float64) for z in (x, y))
    # Not dot products: their matrix library's threads change the order of summation.
    return float(np.clip((dx * dy).sum() / np.sqrt((dx * dx).sum() * (dy * dy).sum()), -1.0, 1.0))


def rows_of(buffer: RolloutBuffer, only: Flags | None = None) -> NDArray[np.int64]:
    """The agent-steps in which a slot was occupied, int64 [S]; with ``only``, bool [W, A], in these slots alone."""
    return np.flatnonzero(buffer.alive if only is None else buffer.alive & only)


def require_agent_steps(source: str, buffer: RolloutBuffer, only: Flags | None) -> None:
    """Raise InputError, with ``source`` as the file, if the slots ``only``, bool [W, A], were always empty."""
    if not (buffer.alive if only is None else buffer.alive & only).any():
        raise InputError.of(source, "alive", "no agent-step", "at least one")


def evaluate(network: ActorCritic, buffer: RolloutBuffer) -> tuple[Tensor, Tensor, Floats | None]:
    """Log-probabilities, float32 [M, N], and values, float32 [M], of every row of the buffer under the network.

    Of a recurrent network also its own hidden states before each choice along the record, float32 [T, W, A, H].
    """
    if network.state_units:
        return unroll(network, buffer)
    observation, mask = buffer.observation.reshape(-1, buffer.features), torch.from_numpy(buffer.mask)
    return *evaluate_rows(network, torch.from_numpy(observation), mask.view(-1, buffer.actions)), None
