"""One epoch: a pass over a batch in shuffled minibatches, with an optimizer step and a record for each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from townlet.behavior.compiled.kernel import TORCH, kernel_for
from townlet.behavior.network import ActorCritic
from townlet.config.training import TrainingConfig
from townlet.host.workers import worker_threads
from townlet.seeds import fold_seed
from townlet.training.adam import Adam
from townlet.training.autograd_update import AutogradUpdate
from townlet.training.batch import Batch
from townlet.training.divergence import TrainingDiverged, cause_in, diagnose, first_fault
from townlet.training.minibatch_record import MinibatchRecord, scheduled
from townlet.training.sequences import segment_minibatches
from townlet.training.torch_update import TorchUpdate


class Update(Protocol):
    """The passes over a network's minibatches, and the steps that follow from them."""

    def load(self, optimizer: Adam) -> None:
        """Begin an epoch from the network's weights and the optimizer's state as they are now."""

    def differentiate(
        self, batch: Batch, rows: NDArray[np.int64], config: TrainingConfig, progress: float
    ) -> MinibatchRecord:
        """Compute the gradient for the agent-steps ``rows``, int64 [B], and return the minibatch's record."""

    def show_gradient(self) -> None:
        """Put the last gradient into the parameters' ``grad``."""

    def step(self, optimizer: Adam, scale: float) -> None:
        """Take an optimizer step against the gradient, multiplied by ``scale``."""

    def store(self, optimizer: Adam) -> None:
        """End the epoch: network and optimizer have their new weights and state."""


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
    ppo = config.ppo
    update = update_of(network, config)
    # Cloning and regression are meant to move the policy.
    target_kl = None if batch.clones else ppo.target_kl
    updates = 0
    update.load(optimizer)
    try:
        for rows in _parts(batch, config, seed, epoch):
            record = update.differentiate(batch, rows, config, progress)
            records.append(record)
            if fault := first_fault({name: getattr(record, name) for name in TERMS}, ppo.diverged_above):
                update.show_gradient()
                update.store(optimizer)
                diagnosis = diagnose(network, batch, torch.from_numpy(rows), [record._asdict() for record in records])
                raise TrainingDiverged.at(epoch, len(records), *fault, cause_in(batch), diagnosis)
            if target_kl is not None and record.kl_divergence > 1.5 * target_kl:
                break
            update.step(optimizer, min(1.0, ppo.max_grad_norm / (record.grad_norm + 1e-6)))
            updates += 1
    finally:
        update.store(optimizer)
    return updates


def update_of(network: ActorCritic, config: TrainingConfig) -> Update:
    """How the network is updated where it is: see :mod:`townlet.behavior.compiled.kernel`."""
    if not network.config.is_plain:
        return AutogradUpdate(network)
    if kernel_for(network.device, network.config) is TORCH:
        # An accelerator is parallel in itself; more threads of the processor would only wait for it.
        return TorchUpdate(network)
    from townlet.training.compiled.update import CompiledUpdate

    return CompiledUpdate.of(network, worker_threads(config.threads))


def stopped_early(fields: Mapping[str, float], config: TrainingConfig) -> bool:
    """Whether ``target_kl`` ended the epoch with these telemetry fields; the phase should then end too."""
    return fields["updates"] < math.ceil(fields["transitions"] / config.ppo.minibatch_size)


def _parts(batch: Batch, config: TrainingConfig, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    """The minibatches of an epoch: those of a recurrent network consist of segments of sequences."""
    size = config.ppo.minibatch_size
    if batch.sequences is None:
        return minibatches(batch.rows, size, seed, epoch)
    return segment_minibatches(batch.sequences, batch.rows, config.network.bptt_ticks, size, seed, epoch)


def minibatches(rows: NDArray[np.int64], size: int, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    """``rows`` shuffled and split into the fewest parts of at most ``size``, with lengths that differ by at most 1.

    A short last minibatch would move the weights as far as the others, on the evidence of fewer agent-steps.
    """
    generator = np.random.Generator(np.random.Philox(key=np.array([fold_seed(seed), epoch], np.uint64)))
    yield from np.array_split(generator.permutation(rows), math.ceil(len(rows) / size))


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
    if batch.clones:
        summary["cloning_accuracy"] = mean["agreement"]
    return summary


#: Terms that must be finite, in the order in which a bad one spoils the next.
TERMS = ("loss_policy", "loss_value", "loss_entropy", "loss_total", "kl_divergence", "grad_norm")
