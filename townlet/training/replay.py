"""Batches of experience that another policy recorded.

A stochastic policy's recorded log-probabilities give V-trace its importance weights, and PPO clips around the network
as it was at the start of the phase (the proximal policy of Hilton et al. 2022). A deterministic policy has no such
weights: its actions are cloned, or cloned with weights that grow with the advantage (advantage-weighted regression),
and the value function learns the λ-returns of the recorded rewards.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet.behavior.network import ActorCritic
from townlet.config.training import ReplayConfig, TrainingConfig
from townlet.errors import Fault, InputError
from townlet.rollout import RolloutBuffer
from townlet.training.advantages import Flags
from townlet.training.batch import (
    Batch,
    Estimates,
    Method,
    assemble,
    evaluate,
    require_agent_steps,
    reward_statistics,
    rows_of,
)
from townlet.training.importance import importance_statistics
from townlet.training.regression import held_out_rows, regression_weight
from townlet.training.trajectories import Trajectories


def replay_method(config: ReplayConfig, *, deterministic: bool, source: str = "replay") -> Method:
    """Return the method of learning from another policy's data; ``deterministic`` says whether that policy was.

    Raises InputError, with ``source`` as the file, if the configuration asks for importance weights where no
    log-probabilities were recorded, or for joint mixing by a method that has no importance weights.
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
    require_agent_steps(source, buffer, None)
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
    """Prepare experience that another policy recorded.

    Args:
        buffer: the experience.
        network: evaluated on every row of the buffer.
        config: amounts and constants; ``config.replay`` decides on the method.
        deterministic: whether the policy that acted was deterministic.
        source: the file that errors name.
        only: bool [W, A], the slots that the policy drove; None for all.

    Raises InputError if those slots were always empty, if recorded actions were illegal, if recorded values are not
    log-probabilities, if a network that commits itself finds no decision, or if the configured method cannot use the
    data.
    """
    method = replay_method(config.replay, deterministic=deterministic, source=source)
    require_agent_steps(source, buffer, only)
    _require_possible(source, buffer, method != "vtrace")
    log_probs, values, state = evaluate(network, buffer)
    action = np.where(buffer.alive, buffer.action, 0).reshape(-1, 1)
    old_log_prob = log_probs.gather(1, torch.from_numpy(action).long()).view(buffer.action.shape)
    trajectories = Trajectories.of(buffer, values.view(buffer.action.shape).numpy(), network, config.ppo.gamma, state)
    make = _vtrace_batch if method == "vtrace" else _regression_batch
    lived = rows_of(buffer, only)
    rows = trajectories.decisions(lived)
    if not len(rows):
        raise InputError.of(source, "mask", "no decision: nobody ever had a choice", "at least one")
    batch = make(method, buffer, rows, trajectories, old_log_prob, log_probs, config)
    if len(rows) < len(lived):
        batch.statistics.update(reward_statistics(buffer.reward.ravel()[lived], buffer.clipped.ravel()[lived]))
    batch.statistics["replayed_agent_steps"] = len(batch.rows)
    return batch.remembering(buffer, network, state)


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
    value_target, advantage, weight = trajectories.vtrace(config, log_ratio.reshape(buffer.ticks, -1))
    estimates = Estimates(trajectories.value, advantage, value_target, weight)
    batch = assemble(method, buffer, rows, estimates, old_log_prob, log_probs)
    batch.statistics.update(importance_statistics(weight.ravel()[rows], log_ratio.ravel()[rows]))
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
    """A batch for cloning or advantage-weighted regression; some of the data is held out to evaluate it on."""
    advantage = trajectories.gae(config)
    held_out = held_out_rows(buffer, rows, config.replay.held_out_share)
    reward_mean = float(buffer.reward.ravel()[rows].mean(dtype=np.float64))
    rows = np.setdiff1d(rows, held_out, assume_unique=True)
    weight = regression_weight(advantage, rows, config) if method == "awr" else None
    estimates = Estimates(trajectories.value, advantage, advantage + trajectories.value, weight)
    batch = assemble(method, buffer, rows, estimates, old_log_prob, log_probs)
    # The mean reward describes all the recorded data, including what is held out.
    batch.statistics["reward_mean"] = reward_mean
    if len(held_out):
        action = buffer.action.ravel()
        majority = np.bincount(action[rows]).argmax()
        batch.statistics["cloning_majority_rate"] = float((action[held_out] == majority).mean())
        batch.statistics["held_out_agent_steps"] = len(held_out)
    return replace(batch, held_out=held_out if len(held_out) else None)


def _require_possible(source: str, buffer: RolloutBuffer, deterministic: bool) -> None:
    """Raise InputError for records that no policy can have made: the estimators would silently give nonsense."""
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
