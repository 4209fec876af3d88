"""Updates of a network on the processor: gradients of minibatches in compiled passes, and Adam's steps."""

from __future__ import annotations

import math
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from townlet.behavior.compiled.packed import Block, Floats, Packed
from townlet.behavior.compiled.transposition import GROUP
from townlet.behavior.network import ActorCritic
from townlet.config.training import TrainingConfig
from townlet.host.workers import workers
from townlet.rollout import aligned_zeros
from townlet.training.adam import Adam
from townlet.training.batch import Batch
from townlet.training.compiled import losses as terms
from townlet.training.compiled.losses import Experience
from townlet.training.compiled.minibatch import add_up, differentiate_part, moments, pack_weights_back, step
from townlet.training.minibatch_record import MinibatchRecord, scheduled

# Each part of a minibatch sums up its own gradient. Parts depend on the number of agent-steps alone, so that the bits
# do not depend on the number of threads. Their number is even, because most machines have an even number of cores.
_SMALL, _PART, _MOST_PARTS = 512, 4096, 32


class CompiledUpdate:
    """The weights of a network and Adam's state in packed order, with the memory for their updates.

    Weights are taken from the network by :meth:`load` and given back by :meth:`store`; in between, only the copy here
    is up to date. ``threads`` threads share a minibatch; their number does not change the bits.
    """

    def __init__(self, network: ActorCritic, threads: int) -> None:
        self.packed = Packed(network)
        self._workers = workers(threads)
        layout = self.packed.layout
        self._blocks = [Block.of(layout) for _ in range(threads)]
        self._moments: list[Floats] = [aligned_zeros((layout.weights,), np.float32) for _ in range(2)]
        self._gradients: Floats = aligned_zeros((1, layout.weights), np.float32)
        self._sums = np.zeros((1, 6, GROUP))
        self._norm, self._steps = np.zeros(GROUP), 0

    @classmethod
    def of(cls, network: ActorCritic, threads: int) -> CompiledUpdate:
        """The update of this network, whose memory is kept as long as the network."""
        found = _UPDATES.get(network)
        if found is None or len(found._blocks) != threads:
            found = _UPDATES[network] = cls(network, threads)
        return found

    def load(self, optimizer: Adam) -> None:
        """Take the weights and the optimizer's state as they are now."""
        self.packed.pack([parameter.detach() for parameter in self.packed.parameters], self.packed.weights.forward)
        for tensors, moment in zip((optimizer.exp_avgs, optimizer.exp_avg_sqs), self._moments, strict=True):
            self.packed.pack(tensors, moment)
        self._steps = int(optimizer.steps[0])
        pack_weights_back(self.packed.weights)

    def store(self, optimizer: Adam) -> None:
        """Put the weights and the optimizer's state back where they came from."""
        self.packed.unpack(self.packed.weights.forward, self.packed.parameters)
        for tensors, moment in zip((optimizer.exp_avgs, optimizer.exp_avg_sqs), self._moments, strict=True):
            self.packed.unpack(moment, tensors)
        for steps in optimizer.steps:
            steps.fill_(self._steps)

    def differentiate(
        self, batch: Batch, rows: NDArray[np.int64], config: TrainingConfig, progress: float
    ) -> MinibatchRecord:
        """Compute the gradient for the agent-steps ``rows``, int64 [B], and return the minibatch's record."""
        constants, spread, is_constant = _constants(batch, rows, config, progress)
        parts = 1 if len(rows) < _SMALL else min(2 * math.ceil(len(rows) / _PART), _MOST_PARTS)
        self._require_parts(parts)
        experience = Experience(
            batch.observation.numpy().view(np.int32),
            batch.mask.numpy(),
            batch.action.numpy().reshape(-1, 1),
            batch.columns,
            _NOTHING if batch.old_log_probs is None else batch.old_log_probs.numpy(),
            constants,
            rows,
        )

        def work(worker: int, share: slice) -> None:
            for part in range(share.start, share.stop):
                bounds = len(rows) * part // parts, len(rows) * (part + 1) // parts
                block, sums = self._blocks[worker], self._sums[part]
                differentiate_part(experience, *bounds, self.packed.weights, block, sums, self._gradients[part])

        self._workers.share(parts, work)
        norm = math.sqrt(add_up(self.packed.layout.table, self._gradients, parts, self._norm))
        return _record(self._sums[:parts].sum(axis=(0, 2)), constants, spread, is_constant, norm)

    def step(self, optimizer: Adam, scale: float) -> None:
        """Take an optimizer step against the gradient, multiplied by ``scale``."""
        self._steps += 1
        constants = (np.float32(number) for number in (scale, *optimizer.constants(self._steps)))
        mean, square = self._moments
        step(self.packed.weights, self._gradients[0], mean, square, *constants)

    def show_gradient(self) -> None:
        """Put the last gradient into the parameters' ``grad``, for a diagnosis."""
        parameters = self.packed.parameters
        gradients = [torch.empty_like(parameter) for parameter in parameters]
        self.packed.unpack(self._gradients[0], gradients)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient

    def _require_parts(self, parts: int) -> None:
        if len(self._gradients) < parts:
            self._gradients = aligned_zeros((parts, self.packed.layout.weights), np.float32)
            self._sums = np.zeros((parts, 6, GROUP))


_UPDATES: WeakKeyDictionary[ActorCritic, CompiledUpdate] = WeakKeyDictionary()
_NOTHING = np.empty((0, 0), np.float32)


def _constants(
    batch: Batch, rows: NDArray[np.int64], config: TrainingConfig, progress: float
) -> tuple[NDArray[np.float64], float, bool]:
    """The constants of a minibatch, the standard deviation of its advantages, and whether all of them are equal."""
    ppo = config.ppo
    mean, square, low, high = moments(batch.columns, rows)
    is_constant, count = low == high, len(rows)
    scale = 1.0
    if not ppo.normalize_advantage or count == 1:
        mean = 0.0
    elif is_constant:
        # Division would blow up the rounding errors of equal advantages.
        mean, scale = low, 0.0
    else:
        scale = 1.0 / (math.sqrt(square * count / (count - 1)) + 1e-8)
    constants = np.empty(10)
    constants[terms.AGENT_STEPS], constants[terms.MEAN], constants[terms.SCALE] = count, mean, scale
    constants[terms.CLIP], constants[terms.VALUE_COEF] = ppo.clip_epsilon, ppo.value_coef
    constants[terms.VALUE_CLIP] = math.inf if ppo.value_clip is None else ppo.value_clip
    constants[terms.ENTROPY_COEF] = scheduled(ppo.entropy_coef, ppo.entropy_schedule, progress)
    constants[terms.CLONING_COEF] = config.replay.cloning_coef
    constants[terms.CLONES] = batch.clones
    constants[terms.EXACT] = batch.old_log_probs is not None
    return constants, math.sqrt(square), is_constant


def _record(
    sums: NDArray[np.float64], constants: NDArray[np.float64], spread: float, is_constant: bool, norm: float
) -> MinibatchRecord:
    mean = sums / constants[terms.AGENT_STEPS]
    policy, value, entropy, divergence, clipped, agreed = mean.tolist()
    of_entropy = float(-constants[terms.ENTROPY_COEF] * entropy)
    return MinibatchRecord(
        loss_policy=policy,
        loss_value=value,
        loss_entropy=of_entropy,
        loss_total=float(policy + constants[terms.VALUE_COEF] * value + of_entropy),
        kl_divergence=divergence,
        grad_norm=norm,
        clip_fraction=clipped,
        entropy=entropy,
        adv_std=spread,
        adv_constant=is_constant,
        agreement=agreed if constants[terms.CLONES] else math.nan,
    )
