"""From a rollout buffer to what one phase of learning needs: advantages, value targets and the old policy.

Experience of the network itself, fresh from a rollout, is learnt from by PPO with generalised advantage
estimation. Recorded experience of another policy is learnt from in one of three ways. If the policy was
stochastic, its recorded log-probabilities make V-trace's importance weights, and PPO clips around the network
as it was when the phase began (the proximal policy of Hilton et al. 2022). If it was deterministic, there are
no such weights: it is cloned, or cloned with weights that grow with the advantage (advantage-weighted
regression), and the value function learns the λ-returns of the recorded rewards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet.behavior.network import ActorCritic
from townlet.config.training import ReplayConfig, TrainingConfig
from townlet.errors import Fault, InputError
from townlet.rollout import RolloutBuffer
from townlet.training.advantages import Flags, Floats, vtrace
from townlet.training.importance import correlation, importance_statistics
from townlet.training.regression import held_out_rows, regression_weight
from townlet.training.trajectories import Trajectories

Method = Literal["none", "cloning", "awr", "vtrace"]

# Rows per inference call: enough to keep the matrix library busy, few enough to stay in the processor's
# caches.
_CHUNK = 8192


@dataclass(frozen=True)
class Batch:
    """Experience prepared for learning; ``M`` = T·W·A rows, of which ``rows`` are real agent-steps."""

    method: Method
    """How replayed data is used; ``none`` for the network's own experience."""
    rows: NDArray[np.int64]
    """[S]: the agent-steps to learn from; in all of them somebody was in the slot."""
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
    old_value: Tensor
    """float32 [M]: the network's value estimate when the phase began."""
    advantage: Tensor
    """float32 [M]"""
    target: Tensor
    """float32 [M]: what the value function should learn."""
    reward: Tensor
    """float32 [M]"""
    weight: Tensor | None
    """float32 [M]: truncated importance weight π_old / π_behavior for ``vtrace``, weight of the cloning loss for
    ``awr``; else None."""
    statistics: dict[str, float]
    """Telemetry fields that are the same in every epoch over this batch."""
    held_out: NDArray[np.int64] | None = None
    """[H]: agent-steps to judge cloning by, which are not among ``rows``."""
    log_ratio: Floats | None = None
    """float32 [M]: ln π_old − ln π_behavior of the recorded actions, not truncated; only for ``vtrace``."""

    def on(self, device: torch.device) -> Batch:
        """The same with its tensors on a device; those that are there already are shared."""
        moved: Any = {name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **moved)


def rollout_batch(
    buffer: RolloutBuffer, network: ActorCritic, config: TrainingConfig, *, only: Flags | None = None
) -> Batch:
    """Prepare experience that ``network`` has just collected, with its own values and log-probabilities.

    ``only``, bool [W, A], are the slots that it drove; absent, all. Raises InputError if nobody lived in them.
    """
    _require_agent_steps("rollout", buffer, only)
    trajectories = Trajectories.of(buffer, buffer.value, network)
    advantage = trajectories.gae(config)
    target = advantage + trajectories.value
    rows = rows_of(buffer, only)
    batch = _assemble(
        "none", buffer, rows, torch.from_numpy(buffer.log_prob), None, trajectories.value, advantage, target, None
    )
    batch.statistics.update(fresh_agent_steps=len(rows), fresh_reward_mean=batch.statistics["reward_mean"])
    return batch


def replay_method(config: ReplayConfig, *, deterministic: bool, source: str = "replay") -> Method:
    """How to learn from another policy's data, by the configuration and by whether that policy was deterministic.

    Raises InputError, with ``source`` as the file, if the configuration asks for importance weights where no
    log-probabilities were recorded, and for joint mixing by a method that has no importance weights.
    """
    if deterministic and (config.method == "vtrace" or config.mixing == "joint"):
        option = "method: vtrace" if config.method == "vtrace" else "mixing: joint"
        raise InputError.of(
            source,
            "behavior.deterministic",
            "true: the data has no log-probabilities",
            f"a stochastic policy's data for replay.{option}; behaviour cloning (replay.method: cloning) and "
            "advantage-weighted regression (awr) learn from such data, with replay.mixing: alternate",
        )
    if config.mixing == "joint" and config.method in ("cloning", "awr"):
        expected = "auto or vtrace with replay.mixing: joint"
        raise InputError.of("training options", "replay.method", config.method, expected)
    if config.method == "auto":
        return "cloning" if deterministic else "vtrace"
    return config.method


def require_learnable(buffer: RolloutBuffer, config: ReplayConfig, deterministic: bool, source: str) -> None:
    """Raise InputError, with ``source`` as the file, unless recorded data can be learnt from as configured."""
    method = replay_method(config, deterministic=deterministic, source=source)
    _require_agent_steps(source, buffer, None)
    _require_possible(source, buffer, method != "vtrace")


def replay_batch(
    buffer: RolloutBuffer,
    network: ActorCritic,
    config: TrainingConfig,
    *,
    deterministic: bool,
    source: str = "replay",
    only: Flags | None = None,
) -> Batch:
    """Prepare experience of another policy; ``deterministic`` says whether that policy was, and ``only``, bool
    [W, A], which slots it drove (absent: all).

    Raises InputError, with ``source`` as the file, if nobody lived in it, if recorded actions were illegal or
    recorded log-probabilities are none, or if the configured method cannot use it.
    """
    method = replay_method(config.replay, deterministic=deterministic, source=source)
    _require_agent_steps(source, buffer, only)
    _require_possible(source, buffer, method != "vtrace")
    log_probs, values = evaluate(network, buffer)
    action = np.where(buffer.alive, buffer.action, 0).reshape(-1, 1)
    old_log_prob = log_probs.gather(1, torch.from_numpy(action).long()).view(buffer.action.shape)
    trajectories = Trajectories.of(buffer, values.view(buffer.action.shape).numpy(), network)
    make = _vtrace_batch if method == "vtrace" else _regression_batch
    batch = make(method, buffer, rows_of(buffer, only), trajectories, old_log_prob, log_probs, config)
    batch.statistics["replayed_agent_steps"] = len(batch.rows)
    return batch


def _vtrace_batch(
    method: Method,
    buffer: RolloutBuffer,
    rows: NDArray[np.int64],
    trajectories: Trajectories,
    old_log_prob: Tensor,
    log_probs: Tensor,
    config: TrainingConfig,
) -> Batch:
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
    batch = _assemble(
        method,
        buffer,
        rows,
        old_log_prob,
        log_probs,
        trajectories.value,
        estimate.advantage,
        estimate.target,
        estimate.weight,
    )
    batch.statistics.update(importance_statistics(estimate.weight.ravel()[rows], log_ratio.ravel()[rows]))
    return replace(batch, log_ratio=log_ratio.ravel())


def _regression_batch(
    method: Method,
    buffer: RolloutBuffer,
    rows: NDArray[np.int64],
    trajectories: Trajectories,
    old_log_prob: Tensor,
    log_probs: Tensor,
    config: TrainingConfig,
) -> Batch:
    """For behaviour cloning and advantage-weighted regression: some of the data is kept back to judge them by."""
    advantage = trajectories.gae(config)
    target = advantage + trajectories.value
    held_out = held_out_rows(buffer, rows, config.replay.held_out_share)
    reward_mean = float(buffer.reward.ravel()[rows].mean(dtype=np.float64))
    rows = np.setdiff1d(rows, held_out, assume_unique=True)
    weight = regression_weight(advantage, rows, config) if method == "awr" else None
    batch = _assemble(method, buffer, rows, old_log_prob, log_probs, trajectories.value, advantage, target, weight)
    # Of all the data: what was kept back from learning was lived like the rest.
    batch.statistics["reward_mean"] = reward_mean
    if len(held_out):
        action = buffer.action.ravel()
        majority = np.bincount(action[rows]).argmax()
        batch.statistics["cloning_majority_rate"] = float((action[held_out] == majority).mean())
        batch.statistics["held_out_agent_steps"] = len(held_out)
    return replace(batch, held_out=held_out if len(held_out) else None)


def rows_of(buffer: RolloutBuffer, only: Flags | None = None) -> NDArray[np.int64]:
    """The agent-steps in which somebody was in the slot, int64 [S]; ``only``, bool [W, A], in these slots."""
    return np.flatnonzero(buffer.alive if only is None else buffer.alive & only)


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
            seen = observation[chunk].to(network.device), mask[chunk].to(network.device)
            log_probs[chunk], values[chunk] = network(*seen)
    return log_probs, values


def agreement(network: ActorCritic, batch: Batch, rows: NDArray[np.int64]) -> float:
    """Share of the agent-steps ``rows``, int64 [H], whose recorded action is the network's most probable one."""
    agreed = 0
    with torch.no_grad():
        for start in range(0, len(rows), _CHUNK):
            chunk = torch.from_numpy(rows[start : start + _CHUNK]).to(network.device)
            log_probs, _ = network(batch.observation.index_select(0, chunk), batch.mask.index_select(0, chunk))
            agreed += int((log_probs.argmax(dim=-1) == batch.action.index_select(0, chunk)).sum())
    return agreed / len(rows)


def _assemble(
    method: Method,
    buffer: RolloutBuffer,
    rows: NDArray[np.int64],
    old_log_prob: Tensor,
    old_log_probs: Tensor | None,
    value: Floats,
    advantage: Floats,
    target: Floats,
    weight: Floats | None,
) -> Batch:
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
        old_value=torch.from_numpy(value).view(-1),
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


def _require_agent_steps(source: str, buffer: RolloutBuffer, only: Flags | None) -> None:
    if not (buffer.alive if only is None else buffer.alive & only).any():
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
