"""Updates of a network by torch's own operations: on an accelerator, and on processors without tiles."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet.behavior.manual_grad import Backpropagation, views_of
from townlet.behavior.network import ILLEGAL_LOGIT, ActorCritic
from townlet.config.training import TrainingConfig
from townlet.training import losses
from townlet.training.adam import Adam
from townlet.training.batch import Batch
from townlet.training.minibatch_record import MinibatchRecord, scheduled


class Outputs(NamedTuple):
    """Inputs of the losses. Those of shape [B] are leaves: a loss's ``backward`` puts its derivatives into ``grad``."""

    log_prob: Tensor
    """float32 [B]: ln π(a|s) of the recorded action in nats."""
    value: Tensor
    """float32 [B]"""
    entropy: Tensor
    """float32 [B]: of the policy in each state, nats."""
    log_probs: Tensor
    """float32 [B, N]: ln π of all actions, valid until the next forward pass; without gradient."""


class MinibatchPasses:
    """Forward and backward passes over minibatches of up to ``size`` agent-steps.

    Autograd sees nothing larger than [B]: for speed, the derivatives through softmax and network are written out
    (:class:`townlet.behavior.manual_grad.Backpropagation`).
    """

    def __init__(self, network: ActorCritic, size: int) -> None:
        self.size, self.parameters = size, list(network.parameters())
        self.passes = Backpropagation(network, size)
        new = self.parameters[0].new_empty
        self._log_probs, self._probs = new(size, network.actions), new(size, network.actions)
        self._value, self._entropy, self._observation = new(size), new(size), new(size, network.features)
        self._mask = torch.empty(size, network.actions, dtype=torch.bool, device=self._observation.device)

    def forward(self, batch: Batch, rows: Tensor) -> Outputs:
        """Evaluate the agent-steps ``rows``, int64 [B], of the batch."""
        count = len(rows)
        observation, mask, probs = self._observation[:count], self._mask[:count], self._probs[:count]
        log_probs, value, entropy = self._log_probs[:count], self._value[:count], self._entropy[:count]
        torch.index_select(batch.observation, 0, rows, out=observation)
        torch.index_select(batch.mask, 0, rows, out=mask)
        logits, values = self.passes.forward(observation)
        value.copy_(values)
        logits.masked_fill_(mask.logical_not_(), ILLEGAL_LOGIT)
        torch.log_softmax(logits, -1, out=log_probs)
        torch.exp(log_probs, out=probs)
        torch.sum(torch.mul(probs, log_probs, out=self.passes.error[:count, :-1]), -1, out=entropy).neg_()
        log_prob = log_probs.gather(1, batch.action.index_select(0, rows).unsqueeze(1)).squeeze(1)
        for leaf in (log_prob, value := value.detach(), entropy := entropy.detach()):
            leaf.requires_grad_()
        return Outputs(log_prob, value, entropy, log_probs)

    def backward(self, batch: Batch, rows: Tensor, outputs: Outputs) -> Tensor:
        """Propagate the derivatives in the leaves' ``grad`` to every parameter's ``grad``.

        ``rows`` and ``outputs`` are those of the last forward pass. Returns the whole gradient, float32 [parameters];
        the parameters' gradients are views of it. By the logits z, ∂ln p_a/∂z_j = 1[j = a] − p_j and, with
        H = −Σ_j p_j ln p_j, ∂H/∂z_j = −p_j (ln p_j + H).
        """
        by_log_prob, by_value, by_entropy = (
            torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
            for leaf in (outputs.log_prob, outputs.value, outputs.entropy)
        )
        count, action = len(rows), batch.action.index_select(0, rows)
        error = self.passes.error[:count]
        by_logits = error[:, :-1]
        torch.add(outputs.log_probs, self._entropy[:count].unsqueeze(1), out=by_logits)
        by_logits.mul_(by_entropy.unsqueeze(1)).add_(by_log_prob.unsqueeze(1)).mul_(self._probs[:count]).neg_()
        by_logits.scatter_add_(1, action.unsqueeze(1), by_log_prob.unsqueeze(1))
        error[:, -1] = by_value
        self.passes.backward(self._observation[:count])
        gradient = self.passes.gradient
        for parameter, view in zip(self.parameters, views_of(gradient, self.parameters), strict=True):
            parameter.grad = view
        return gradient


class TorchUpdate:
    """Updates of a network on its own device."""

    def __init__(self, network: ActorCritic) -> None:
        self.network = network
        self._passes: MinibatchPasses | None = None
        self._gradient: Tensor | None = None

    def load(self, optimizer: Adam) -> None:
        """Do nothing: weights and state are used where they are."""

    def store(self, optimizer: Adam) -> None:
        """Do nothing."""

    def show_gradient(self) -> None:
        """Do nothing: the parameters have their gradients."""

    def differentiate(
        self, batch: Batch, rows: NDArray[np.int64], config: TrainingConfig, progress: float
    ) -> MinibatchRecord:
        """Compute the gradient for the agent-steps ``rows``, int64 [B], and return the minibatch's record."""
        if self._passes is None or self._passes.size < len(rows):
            self._passes = MinibatchPasses(self.network, len(rows))
        chosen = torch.from_numpy(rows).to(self.network.device)
        outputs = self._passes.forward(batch, chosen)
        total, record = minibatch_losses(outputs, batch, chosen, config, progress)
        total.backward()  # type: ignore[no-untyped-call]
        self._gradient = self._passes.backward(batch, chosen, outputs)
        return record._replace(grad_norm=float(torch.linalg.vector_norm(self._gradient)))

    def step(self, optimizer: Adam, scale: float) -> None:
        """Take an optimizer step against the gradient, multiplied by ``scale``."""
        assert self._gradient is not None
        self._gradient *= scale
        optimizer.step()


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


def minibatch_losses(
    outputs: Outputs, batch: Batch, rows: Tensor, config: TrainingConfig, progress: float
) -> tuple[Tensor, MinibatchRecord]:
    """The loss to minimise, and the record of the minibatch, still without its gradient norm."""
    ppo, log_prob = config.ppo, outputs.log_prob
    columns = batch.advantage, batch.old_log_prob, batch.value_target, batch.old_value
    advantage, old, value_target, old_value = (column.index_select(0, rows) for column in columns)
    weight = None if batch.weight is None else batch.weight.index_select(0, rows)
    log_ratio = log_prob.detach().double() - old.double()

    clip_fraction, agreement = 0.0, math.nan
    if batch.clones:
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
