"""From a rollout buffer to what one phase of learning needs: advantages, value targets and the old policy.

Experience of the network itself, fresh from a rollout, is learnt from by PPO with generalised advantage
estimation. Recorded experience of another policy is learnt from in one of two ways. If the policy was
stochastic, its recorded log-probabilities make V-trace's importance weights, and PPO clips around the network
as it was when the phase began (the proximal policy of Hilton et al. 2022). If it was deterministic, there are
no such weights: it is cloned, and the value function learns the λ-returns of the recorded rewards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet.behavior.network import ActorCritic
from townlet.config.training import TrainingConfig
from townlet.errors import Fault, InputError
from townlet.rollout import RolloutBuffer
from townlet.training.advantages import Flags, Floats, gae, vtrace

Method = Literal["none", "cloning", "vtrace"]

# Rows per inference call: enough to keep the matrix library busy, few enough to stay in the processor's
# caches.
_CHUNK = 8192


@dataclass(frozen=True)
class Batch:
    """Experience prepared for learning; ``M`` = T·W·A rows, of which ``rows`` are real agent-steps."""

    method: Method
    """How replayed data is used; ``none`` for the network's own experience."""
    rows: NDArray[np.int64]
    """[S]: the agent-steps in which somebody was in the slot."""
    observation: Tensor
    """float32 [M, F], a view of the buffer."""
    mask: Tensor
    """bool [M, N], a view of the buffer."""
    action: Tensor
    """int64 [M]"""
    old_log_prob: Tensor
    """float32 [M]: of the recorded action under the policy when the phase began."""
    old_log_probs: Tensor | None
    """float32 [M, N]: of all actions under that policy; only for replayed data."""
    advantage: Tensor
    """float32 [M]"""
    target: Tensor
    """float32 [M]: what the value function should learn."""
    reward: Tensor
    """float32 [M]"""
    weight: Tensor | None
    """float32 [M]: truncated importance weight π_old / π_behavior; only for ``vtrace``."""
    statistics: dict[str, float]
    """Telemetry fields that are the same in every epoch over this batch."""


def rollout_batch(buffer: RolloutBuffer, network: ActorCritic, config: TrainingConfig) -> Batch:
    """Prepare experience that ``network`` has just collected, with its own values and log-probabilities.

    Raises InputError if nobody lived in it.
    """
    _require_agent_steps("rollout", buffer)
    trajectories = _Trajectories.of(buffer, buffer.value, network)
    advantage = trajectories.gae(config)
    target = advantage + trajectories.value
    return _assemble("none", buffer, torch.from_numpy(buffer.log_prob), None, advantage, target, None)


def replay_batch(
    buffer: RolloutBuffer,
    network: ActorCritic,
    config: TrainingConfig,
    *,
    deterministic: bool,
    source: str = "replay",
) -> Batch:
    """Prepare recorded experience of another policy; ``deterministic`` says whether that policy was.

    Raises InputError, with ``source`` as the file, if nobody lived in it, or if recorded actions were illegal
    or recorded log-probabilities are none.
    """
    _require_agent_steps(source, buffer)
    _require_possible(source, buffer, deterministic)
    log_probs, values = evaluate(network, buffer)
    action = np.where(buffer.alive, buffer.action, 0).reshape(-1, 1)
    old_log_prob = log_probs.gather(1, torch.from_numpy(action).long()).view(buffer.action.shape)
    trajectories = _Trajectories.of(buffer, values.view(buffer.action.shape).numpy(), network)
    if deterministic:
        advantage = trajectories.gae(config)
        target = advantage + trajectories.value
        return _assemble("cloning", buffer, old_log_prob, log_probs, advantage, target, None)
    log_ratio = old_log_prob.numpy() - buffer.log_prob
    ppo, replay = config.ppo, config.replay
    estimate = vtrace(
        *trajectories.arrays(),
        log_ratio.reshape(buffer.ticks, -1),
        ppo.gamma,
        replay.rho_bar,
        replay.c_bar,
        ppo.gae_lambda,
    )
    batch = _assemble("vtrace", buffer, old_log_prob, log_probs, estimate.advantage, estimate.target, estimate.weight)
    batch.statistics["importance_weight_mean"] = float(estimate.weight.ravel()[batch.rows].mean(dtype=np.float64))
    batch.statistics["effective_sample_share"] = effective_sample_share(log_ratio.ravel()[batch.rows])
    return batch


def evaluate(network: ActorCritic, buffer: RolloutBuffer) -> tuple[Tensor, Tensor]:
    """Log-probabilities float32 [M, N] and values float32 [M] of every row of the buffer under the
    network."""
    observation = torch.from_numpy(buffer.observation).view(-1, buffer.features)
    mask = torch.from_numpy(buffer.mask).view(-1, buffer.actions)
    log_probs = torch.empty(len(observation), buffer.actions)
    values = torch.empty(len(observation))
    with torch.no_grad():
        for start in range(0, len(observation), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            log_probs[chunk], values[chunk] = network(observation[chunk], mask[chunk])
    return log_probs, values


def effective_sample_share(log_weight: Floats) -> float:
    """Kish's effective sample size of importance weights as a share of their number: (Σw)² / (S Σw²), in (0,
    1]."""
    weight = np.exp(log_weight.astype(np.float64) - float(log_weight.max()))
    return min(1.0, float(weight.sum() ** 2 / (len(weight) * np.square(weight).sum())))


def correlation(x: Floats, y: Floats) -> float:
    """Pearson's r, computed in float64; 0 where either does not vary."""
    if x.min() == x.max() or y.min() == y.max():
        return 0.0
    dx, dy = (z.astype(np.float64) - z.mean(dtype=np.float64) for z in (x, y))
    # Sums, not dot products: those go to a matrix library whose threads change the order of summation.
    return float(np.clip((dx * dy).sum() / np.sqrt((dx * dx).sum() * (dy * dy).sum()), -1.0, 1.0))


@dataclass(frozen=True)
class _Trajectories:
    """The inputs that the advantage estimators share, each [T, W·A].

    What empty slots hold needs no blanking: a slot falls empty by a termination, beyond which nothing is
    read.
    """

    reward: Floats
    value: Floats
    next_value: Floats
    terminated: Flags
    cut: Flags

    @classmethod
    def of(cls, buffer: RolloutBuffer, value: Floats, network: ActorCritic) -> _Trajectories:
        """``value`` is float32 [T, W, A]."""
        if buffer.cut_ticks[-1:] != [buffer.ticks - 1]:
            last = buffer.ticks - 1
            raise ValueError(f"cut_ticks: found {buffer.cut_ticks}, expected the last tick, {last}, at its end")
        next_value = np.empty_like(value)
        next_value[:-1] = value[1:]
        cut = np.zeros(value.shape, np.bool_)
        with torch.no_grad():
            for tick, observation in zip(buffer.cut_ticks, buffer.cut_observation, strict=True):
                # A copy, because torch aligns its own memory, and alignment decides how kernels round.
                beyond = network.value(torch.tensor(observation).view(-1, buffer.features))
                next_value[tick] = beyond.view(buffer.worlds, buffer.agents).numpy()
                cut[tick] = True
        shape = (buffer.ticks, buffer.worlds * buffer.agents)
        return cls(
            buffer.reward.reshape(shape),
            value.reshape(shape),
            next_value.reshape(shape),
            buffer.terminated.reshape(shape),
            cut.reshape(shape),
        )

    def arrays(self) -> tuple[Floats, Floats, Floats, Flags, Flags]:
        return self.reward, self.value, self.next_value, self.terminated, self.cut

    def gae(self, config: TrainingConfig) -> Floats:
        return gae(*self.arrays(), config.ppo.gamma, config.ppo.gae_lambda)


def _assemble(
    method: Method,
    buffer: RolloutBuffer,
    old_log_prob: Tensor,
    old_log_probs: Tensor | None,
    advantage: Floats,
    target: Floats,
    weight: Floats | None,
) -> Batch:
    rows = np.flatnonzero(buffer.alive)
    reward = buffer.reward.ravel()[rows]
    gained = advantage.ravel()[rows]
    return Batch(
        method=method,
        rows=rows,
        observation=torch.from_numpy(buffer.observation).view(-1, buffer.features),
        mask=torch.from_numpy(buffer.mask).view(-1, buffer.actions),
        action=torch.from_numpy(buffer.action).long().view(-1),
        old_log_prob=old_log_prob.view(-1),
        old_log_probs=old_log_probs,
        advantage=torch.from_numpy(advantage).view(-1),
        target=torch.from_numpy(target).view(-1),
        reward=torch.from_numpy(buffer.reward).view(-1),
        weight=None if weight is None else torch.from_numpy(weight).view(-1),
        statistics={
            "adv_mean": float(gained.mean(dtype=np.float64)),
            "adv_std": float(gained.std(dtype=np.float64)),
            "reward_mean": float(reward.mean(dtype=np.float64)),
            "reward_clipped_share": float(buffer.clipped.ravel()[rows].mean()),
            "reward_advantage_corr": correlation(reward, gained),
        },
    )


def _require_agent_steps(source: str, buffer: RolloutBuffer) -> None:
    if buffer.agent_steps == 0:
        raise InputError.of(source, "alive", "no agent-step in which anybody lived", "at least one")


def _require_possible(source: str, buffer: RolloutBuffer, deterministic: bool) -> None:
    """Refuse records whose policy cannot have acted so; the estimators would turn them into silent
    nonsense."""
    action = buffer.action[buffer.alive]
    faults = []
    if action.min() < 0 or action.max() >= buffer.actions:
        found = f"numbers from {action.min()} to {action.max()}"
        raise InputError.of(source, "action", found, f"numbers from 0 to {buffer.actions - 1}")
    legal = np.take_along_axis(buffer.mask[buffer.alive], action[:, None], axis=1)
    if not legal.all():
        faults.append(Fault(source, "action", f"{np.count_nonzero(~legal)} illegal actions", "legal actions only"))
    log_prob = buffer.log_prob[buffer.alive]
    # Float32 rounding may put the logarithm of a certain action a hair above 0.
    if not deterministic and not (np.isfinite(log_prob) & (log_prob <= 1e-3)).all():
        faults.append(Fault(source, "log_prob", "values that are positive or not finite", "log-probabilities"))
    if faults:
        raise InputError(faults)
