"""One epoch: a pass over a batch in shuffled minibatches, with an optimizer step and a record for each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet.behavior.network import ActorCritic
from townlet.config.training import TrainingConfig
from townlet.seeds import fold_seed
from townlet.training import losses
from townlet.training.adam import Adam
from townlet.training.batch import Batch
from townlet.training.divergence import TrainingDiverged, cause_in, diagnose, first_fault
from townlet.training.minibatch import MinibatchPasses, Outputs


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


def run_epoch(
    network: ActorCritic,
    optimizer: Adam,
    batch: Batch,
    config: TrainingConfig,
    *,
    seed: int,
    epoch: int,
    progress: float = 0.0,
) -> dict[str, float]:
    """Learn once from every agent-step of a batch; return the epoch's telemetry fields about learning.

    Means are over minibatches, whose sizes differ by at most one. ``loss_total`` = ``loss_policy`` + value_coef ×
    ``loss_value`` + ``loss_entropy``, where ``loss_entropy`` = −entropy_coef × entropy; when cloning, ``loss_policy``
    includes cloning_coef and ``clip_fraction`` is 0, since nothing is clipped.

    With ``target_kl``, learning ends before a step at which the policy has moved too far: see :func:`stopped_early`.
    ``transitions`` and the numbers of agent-steps by source still count the whole batch.

    Args:
        network: learns in place.
        optimizer: over the network's parameters.
        batch: on the network's device.
        config: amounts and constants.
        seed, epoch: the order of agent-steps is a function of them alone.
        progress: the share of the training that is done, in [0, 1], for the schedules.

    Raises TrainingDiverged before a step that NaN, infinity or a term above ``diverged_above`` would spoil.
    """
    optimizer.lr = scheduled(config.ppo.learning_rate, config.ppo.lr_schedule, progress)
    records: list[MinibatchRecord] = []
    updates = _learn(network, optimizer, batch, config, records, seed=seed, epoch=epoch, progress=progress)
    return {
        "updates": updates,
        "transitions": len(batch.rows),
        **_summarise(records, batch),
        "lr": optimizer.lr,
        **batch.statistics,
    }


def _learn(
    network: ActorCritic,
    optimizer: Adam,
    batch: Batch,
    config: TrainingConfig,
    records: list[MinibatchRecord],
    *,
    seed: int,
    epoch: int,
    progress: float,
) -> int:
    """Take an optimizer step per minibatch and append its record; return the number of steps taken."""
    ppo, device = config.ppo, network.device
    # An accelerator is parallel in itself; more threads of the processor would only wait for it.
    threads = config.threads if device.type == "cpu" else 1
    passes = MinibatchPasses(network, min(ppo.minibatch_size, len(batch.rows)), threads)
    # Cloning and regression are meant to move the policy.
    target_kl = None if batch.method in ("cloning", "awr") else ppo.target_kl
    updates = 0
    for chosen in minibatches(batch.rows, ppo.minibatch_size, seed, epoch):
        rows = torch.from_numpy(chosen).to(device)
        outputs = passes.forward(batch, rows)
        total, record = _losses(outputs, batch, rows, config, progress)
        total.backward()  # type: ignore[no-untyped-call]
        gradient = passes.backward(batch, rows, outputs)
        norm = float(torch.linalg.vector_norm(gradient))
        records.append(record._replace(grad_norm=norm))
        if fault := first_fault({name: getattr(records[-1], name) for name in _TERMS}, ppo.diverged_above):
            diagnosis = diagnose(network, batch, rows.cpu(), [record._asdict() for record in records])
            raise TrainingDiverged.at(epoch, len(records), *fault, cause_in(batch), diagnosis)
        if target_kl is not None and record.kl_divergence > 1.5 * target_kl:
            break
        gradient *= min(1.0, ppo.max_grad_norm / (norm + 1e-6))
        optimizer.step()
        updates += 1
    return updates


def stopped_early(fields: Mapping[str, float], config: TrainingConfig) -> bool:
    """Whether ``target_kl`` ended the epoch with these telemetry fields; the phase should then end too."""
    return fields["updates"] < math.ceil(fields["transitions"] / config.ppo.minibatch_size)


def scheduled(value: float, schedule: Literal["constant", "linear"], progress: float) -> float:
    """The value of a scheduled constant when the share ``progress`` of the training is done."""
    return value if schedule == "constant" else value * (1.0 - progress)


def minibatches(rows: NDArray[np.int64], size: int, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    """``rows`` shuffled and split into the fewest parts of at most ``size``, with lengths that differ by at most 1.

    A short last minibatch would move the weights as far as the others, on the evidence of fewer agent-steps.
    """
    generator = np.random.Generator(np.random.Philox(key=np.array([fold_seed(seed), epoch], np.uint64)))
    yield from np.array_split(generator.permutation(rows), math.ceil(len(rows) / size))


def normalize(advantage: Tensor) -> Tensor:
    """Advantages [B] with mean 0 and standard deviation 1 (unbiased, plus 1e-8, as Stable-Baselines3 has it).

    A single advantage stays as it is. Equal advantages become 0: division would blow up their rounding errors.
    """
    if len(advantage) == 1:
        return advantage
    if _is_constant(advantage):
        return torch.zeros_like(advantage)
    return (advantage - advantage.mean()) / (advantage.std() + 1e-8)


def _is_constant(values: Tensor) -> bool:
    return bool(values.min() == values.max())


def _losses(
    outputs: Outputs, batch: Batch, rows: Tensor, config: TrainingConfig, progress: float
) -> tuple[Tensor, MinibatchRecord]:
    """The loss to minimise, and the record of the minibatch, still without its gradient norm."""
    ppo, log_prob = config.ppo, outputs.log_prob
    columns = batch.advantage, batch.old_log_prob, batch.value_target, batch.old_value
    advantage, old, value_target, old_value = (column.index_select(0, rows) for column in columns)
    weight = None if batch.weight is None else batch.weight.index_select(0, rows)
    log_ratio = log_prob.detach().double() - old.double()

    clip_fraction, agreement = 0.0, math.nan
    if batch.method in ("cloning", "awr"):
        policy_loss = config.replay.cloning_coef * losses.cloning_loss(log_prob, weight)
        agreement = float((outputs.log_probs.argmax(dim=-1) == batch.action.index_select(0, rows)).double().mean())
    else:
        gain = normalize(advantage) if ppo.normalize_advantage else advantage
        # The weight comes after normalisation, whose mean is a baseline only if it is weighted like the rest.
        policy_loss = losses.clipped_surrogate(log_prob, old, gain, ppo.clip_epsilon, weight)
        clip_fraction = float((torch.expm1(log_ratio).abs() > ppo.clip_epsilon).double().mean())
    kl = _divergence(outputs, batch, rows, log_ratio)
    value_loss = losses.value_loss(outputs.value, value_target, old_value, ppo.value_clip)
    entropy = outputs.entropy.mean()
    entropy_loss = -scheduled(ppo.entropy_coef, ppo.entropy_schedule, progress) * entropy
    total = policy_loss + ppo.value_coef * value_loss + entropy_loss
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


def _divergence(outputs: Outputs, batch: Batch, rows: Tensor, log_ratio: Tensor) -> Tensor:
    """KL(old ‖ new) in nats, float64 [B]: from the policy at the start of the phase to the present one.

    On the network's own experience it is estimated by (r − 1) − ln r at the actions taken. Recorded actions were drawn
    from another policy, where that mean estimates nothing; batches with recorded experience get the exact divergence
    of the two action distributions, which is the estimator's expectation.
    """
    if batch.old_log_probs is None:
        return losses.approximate_kl(log_ratio)
    return losses.categorical_kl(batch.old_log_probs.index_select(0, rows), outputs.log_probs)


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
    if batch.method in ("cloning", "awr"):
        summary["cloning_accuracy"] = mean["agreement"]
    return summary


# Terms that must be finite, in the order in which a bad one spoils the next.
_TERMS = ("loss_policy", "loss_value", "loss_entropy", "loss_total", "kl_divergence", "grad_norm")
