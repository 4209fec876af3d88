"""One epoch: a pass over a batch in shuffled minibatches, an optimizer step after each, and what was seen on
the way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet.behavior.network import ActorCritic
from townlet.config.training import TrainingConfig
from townlet.errors import RunError
from townlet.training import losses
from townlet.training.adam import Adam
from townlet.training.batch import Batch


class TrainingDiverged(RunError):  # noqa: N818 (the field's word for it is not an error's name)
    """A term of the loss or a gradient was NaN or infinite. The step was not taken: the weights are still
    finite."""

    def __init__(self, epoch: int, minibatch: int, term: str, value: float, cause: str) -> None:
        self.epoch, self.minibatch, self.term = epoch, minibatch, term
        suffix = f"; {cause}" if cause else ""
        super().__init__(f"epoch {epoch}, minibatch {minibatch}: {term} is {value}{suffix}")


class MinibatchRecord(NamedTuple):
    """What one minibatch showed, before its optimizer step."""

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


def run_epoch(
    network: ActorCritic,
    optimizer: Adam,
    batch: Batch,
    config: TrainingConfig,
    *,
    seed: int,
    epoch: int,
) -> dict[str, float]:
    """Learn once from every agent-step of the batch; return the epoch's telemetry fields about learning.

    The order of agent-steps is a pure function of ``seed`` and ``epoch``. Means are over minibatches, which
    are of equal size give or take one. ``loss_total`` = ``loss_policy`` + value_coef × ``loss_value`` +
    ``loss_entropy``, where ``loss_entropy`` = −entropy_coef × entropy and, when cloning, ``loss_policy``
    holds cloning_coef.

    ``kl_divergence`` compares the policy when the phase began with the one before each step. On the network's
    own experience it is the mean of (r − 1) − ln r at the recorded actions. Replayed actions were drawn from
    another policy, where that mean estimates nothing; there it is what the estimator has as its expectation,
    the exact KL(old ‖ new) of the two action distributions, averaged over states. Cloning clips nothing:
    ``clip_fraction`` is 0.

    Raises TrainingDiverged before a step that NaN or infinity would spoil.
    """
    records = []
    for number, rows in enumerate(minibatches(batch.rows, config.ppo.minibatch_size, seed, epoch), start=1):
        total, record = _losses(network, batch, torch.from_numpy(rows), config)
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), config.ppo.max_grad_norm)
        record = record._replace(grad_norm=float(norm))
        _require_finite(record, batch, epoch, number)
        optimizer.step()
        records.append(record)
    return {
        "updates": len(records),
        "transitions": len(batch.rows),
        **_summarise(records, batch),
        "lr": config.ppo.learning_rate,
        **batch.statistics,
    }


def minibatches(rows: NDArray[np.int64], size: int, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    """``rows`` shuffled and split into the fewest parts of at most ``size``, whose lengths differ by at most
    1.

    A short last minibatch would step as far as the others on a fraction of their evidence.
    """
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, epoch], np.uint64)))
    yield from np.array_split(generator.permutation(rows), math.ceil(len(rows) / size))


def normalize(advantage: Tensor) -> Tensor:
    """Advantages [B] with mean 0 and standard deviation 1 (unbiased, plus 1e-8, as Stable-Baselines3 has it).

    A single one stays as it is. Equal ones become 0, where division would blow up their rounding errors.
    """
    if len(advantage) == 1:
        return advantage
    if _is_constant(advantage):
        return torch.zeros_like(advantage)
    return (advantage - advantage.mean()) / (advantage.std() + 1e-8)


def _is_constant(values: Tensor) -> bool:
    return bool(values.min() == values.max())


def _losses(network: ActorCritic, batch: Batch, rows: Tensor, config: TrainingConfig) -> tuple[Tensor, MinibatchRecord]:
    """The loss to descend, and the record of the minibatch with its gradient norm still missing."""
    action = batch.action[rows]
    advantage = batch.advantage[rows]
    log_probs, value = network(batch.observation.index_select(0, rows), batch.mask.index_select(0, rows))
    log_prob = log_probs.gather(1, action.unsqueeze(1)).squeeze(1)
    entropy = losses.entropy(log_probs).mean()

    clip_fraction, agreement = 0.0, math.nan
    if batch.method == "cloning":
        policy_loss = config.replay.cloning_coef * losses.cloning_loss(log_prob)
        agreement = float((log_probs.detach().argmax(dim=-1) == action).double().mean())
    else:
        old, epsilon = batch.old_log_prob[rows], config.ppo.clip_epsilon
        gain = normalize(advantage) if config.ppo.normalize_advantage else advantage
        # The weight comes after normalisation, whose mean is a baseline only if it is weighted like the rest.
        weight = None if batch.weight is None else batch.weight[rows]
        policy_loss = losses.clipped_surrogate(log_prob, old, gain, epsilon, weight)
        log_ratio = log_prob.detach().double() - old.double()
        clip_fraction = float((torch.expm1(log_ratio).abs() > epsilon).double().mean())
    if batch.old_log_probs is not None:
        kl = losses.categorical_kl(batch.old_log_probs.index_select(0, rows), log_probs.detach())
    else:
        kl = losses.approximate_kl(log_ratio)

    value_loss = losses.value_loss(value, batch.target[rows])
    entropy_loss = -config.ppo.entropy_coef * entropy
    total = policy_loss + config.ppo.value_coef * value_loss + entropy_loss
    return total, MinibatchRecord(
        loss_policy=float(policy_loss.detach()),
        loss_value=float(value_loss.detach()),
        loss_entropy=float(entropy_loss.detach()),
        loss_total=float(total.detach()),
        kl_divergence=float(kl.mean()),
        grad_norm=math.nan,
        clip_fraction=clip_fraction,
        entropy=float(entropy.detach()),
        adv_std=float(advantage.double().std(correction=0)),
        adv_constant=_is_constant(advantage),
        agreement=agreement,
    )


def _summarise(records: list[MinibatchRecord], batch: Batch) -> dict[str, float]:
    column = MinibatchRecord(*np.array(records, np.float64).T)
    mean = {name: float(np.mean(values)) for name, values in column._asdict().items()}
    summary = {
        **{name: mean[name] for name in ("loss_policy", "loss_value", "loss_entropy", "loss_total")},
        "clip_fraction": mean["clip_fraction"],
        "clip_fraction_max": float(np.max(column.clip_fraction)),
        "clip_triggered_minibatches": int(np.count_nonzero(column.clip_fraction)),
        "adv_zero_std_batches": int(np.count_nonzero(column.adv_constant)),
        "adv_min_std": float(np.min(column.adv_std)),
        "grad_norm": mean["grad_norm"],
        "grad_norm_max": float(np.max(column.grad_norm)),
        "kl_divergence": mean["kl_divergence"],
        "kl_divergence_max": float(np.max(column.kl_divergence)),
        "batch_entropy_mean": mean["entropy"],
        "batch_entropy_std": float(np.std(column.entropy)),
    }
    if batch.method == "cloning":
        summary["cloning_accuracy"] = mean["agreement"]
    return summary


def _require_finite(record: MinibatchRecord, batch: Batch, epoch: int, minibatch: int) -> None:
    for term in ("loss_policy", "loss_value", "loss_entropy", "loss_total", "kl_divergence", "grad_norm"):
        value = getattr(record, term)
        if not math.isfinite(value):
            raise TrainingDiverged(epoch, minibatch, term, value, _cause(batch))


def _cause(batch: Batch) -> str:
    """The first input of the batch that is not finite: the others follow from it."""
    rows = torch.from_numpy(batch.rows)
    for name in ("observation", "reward", "old_log_prob", "advantage", "target"):
        values: Tensor = getattr(batch, name)[rows].reshape(len(rows), -1)
        bad = int((~torch.isfinite(values)).any(dim=1).sum())
        if bad:
            return f"{name} is not finite in {bad} of {len(rows)} agent-steps"
    return ""
