"""Forward and backward passes of the network over a minibatch."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from townlet.behavior.manual_grad import Backpropagation, views_of
from townlet.behavior.network import ILLEGAL_LOGIT, ActorCritic
from townlet.host.workers import workers
from townlet.training.batch import Batch


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
    """Forward and backward passes over minibatches of up to ``size`` agent-steps, shared between ``threads`` threads.

    Autograd sees nothing larger than [B]: for speed, the derivatives through softmax and network are written out
    (:class:`townlet.behavior.manual_grad.Backpropagation`). The number of threads changes the order of sums.
    """

    def __init__(self, network: ActorCritic, size: int, threads: int) -> None:
        self.parameters = list(network.parameters())
        self._workers = workers(threads)
        self._parts = [_Part(network, math.ceil(size / threads)) for _ in range(threads)]
        new = self.parameters[0].new_empty
        self._log_probs, self._value, self._entropy = new(size, network.actions), new(size), new(size)

    def forward(self, batch: Batch, rows: Tensor) -> Outputs:
        """Evaluate the agent-steps ``rows``, int64 [B], of the batch."""
        count = len(rows)
        log_probs, value, entropy = self._log_probs[:count], self._value[:count], self._entropy[:count]

        def look(worker: int, part: slice) -> None:
            self._parts[worker].forward(batch, rows[part], log_probs[part], value[part], entropy[part])

        self._workers.share(count, look)
        log_prob = log_probs.gather(1, batch.action.index_select(0, rows).unsqueeze(1)).squeeze(1)
        for leaf in (log_prob, value := value.detach(), entropy := entropy.detach()):
            leaf.requires_grad_()
        return Outputs(log_prob, value, entropy, log_probs)

    def backward(self, batch: Batch, rows: Tensor, outputs: Outputs) -> Tensor:
        """Propagate the derivatives in the leaves' ``grad`` to every parameter's ``grad``.

        ``rows`` and ``outputs`` are those of the last forward pass. Returns the whole gradient, float32 [parameters];
        the parameters' gradients are views of it.
        """
        by_log_prob, by_value, by_entropy = (
            torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
            for leaf in (outputs.log_prob, outputs.value, outputs.entropy)
        )
        action = batch.action.index_select(0, rows)

        def back(worker: int, part: slice) -> None:
            self._parts[worker].backward(
                action[part],
                outputs.log_probs[part],
                self._entropy[part],
                by_log_prob[part],
                by_value[part],
                by_entropy[part],
            )

        self._workers.share(len(rows), back)
        used = len(self._workers.parts(len(rows)))
        gradient = self._parts[0].passes.gradient
        for part in self._parts[1:used]:
            gradient += part.passes.gradient
        for parameter, view in zip(self.parameters, views_of(gradient, self.parameters), strict=True):
            parameter.grad = view
        return gradient


class _Part:
    """One thread's share of a minibatch: at most ``rows`` agent-steps."""

    def __init__(self, network: ActorCritic, rows: int) -> None:
        self.passes = Backpropagation(network, rows)
        new = self.passes.error.new_empty
        self._observation = new(rows, network.features)
        self._mask = torch.empty(rows, network.actions, dtype=torch.bool, device=self._observation.device)
        self._probs = new(rows, network.actions)

    def forward(self, batch: Batch, rows: Tensor, log_probs: Tensor, value: Tensor, entropy: Tensor) -> None:
        """Fill ``log_probs`` [B, N], ``value`` [B] and ``entropy`` [B]."""
        count = len(rows)
        observation, mask, probs = self._observation[:count], self._mask[:count], self._probs[:count]
        torch.index_select(batch.observation, 0, rows, out=observation)
        torch.index_select(batch.mask, 0, rows, out=mask)
        logits, values = self.passes.forward(observation)
        value.copy_(values)
        logits.masked_fill_(mask.logical_not_(), ILLEGAL_LOGIT)
        torch.log_softmax(logits, -1, out=log_probs)
        torch.exp(log_probs, out=probs)
        torch.sum(torch.mul(probs, log_probs, out=self.passes.error[:count, :-1]), -1, out=entropy).neg_()

    def backward(
        self,
        action: Tensor,
        log_probs: Tensor,
        entropy: Tensor,
        by_log_prob: Tensor,
        by_value: Tensor,
        by_entropy: Tensor,
    ) -> None:
        """Turn derivatives of the loss, each [B], into this share's gradient.

        By the logits z, ∂ln p_a/∂z_j = 1[j = a] − p_j and, with H = −Σ_j p_j ln p_j, ∂H/∂z_j = −p_j (ln p_j + H).
        """
        count = len(action)
        error = self.passes.error[:count]
        by_logits = error[:, :-1]
        torch.add(log_probs, entropy.unsqueeze(1), out=by_logits)
        by_logits.mul_(by_entropy.unsqueeze(1)).add_(by_log_prob.unsqueeze(1)).mul_(self._probs[:count]).neg_()
        by_logits.scatter_add_(1, action.unsqueeze(1), by_log_prob.unsqueeze(1))
        error[:, -1] = by_value
        self.passes.backward(self._observation[:count])
