"""Evaluation of recorded observations under a network, on whatever device the network is."""

from __future__ import annotations

import torch
from torch import Tensor

from townlet.behavior.compiled.kernel import TORCH, kernel_for
from townlet.behavior.network import ActorCritic
from townlet.behavior.torch_rows import step_rows

# Rows per call of torch: enough to keep the matrix library busy, few enough to stay in the processor's caches.
_CHUNK = 8192


def evaluate_rows(
    network: ActorCritic, observation: Tensor, mask: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of all actions, float32 [B, N], and values, float32 [B], on the processor.

    ``observation`` is float32 [B, F], ``mask`` bool [B, N], true for legal actions, at least one per row, and ``state``
    float32 [B, H], the hidden state before the choice; None for that of an episode's beginning.
    """
    if not network.config.is_plain:
        found = step_rows(network, observation, mask, state)
        return found.log_probs, found.value
    if kernel_for(network.device, network.config) is not TORCH:
        from townlet.behavior.compiled.inference import Inference

        results = Inference.of(network).evaluate(observation.numpy(), mask.numpy())
        return torch.from_numpy(results[0]), torch.from_numpy(results[1])
    log_probs, values = torch.empty(mask.shape), torch.empty(len(mask))
    with torch.no_grad():
        for start in range(0, len(mask), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            inputs = observation[chunk].to(network.device), mask[chunk].to(network.device)
            log_probs[chunk], values[chunk] = network(*inputs)
    return log_probs, values


def evaluate_values(network: ActorCritic, observation: Tensor, state: Tensor | None = None) -> Tensor:
    """Values alone, float32 [B] on the processor, of observations, float32 [B, F], and states, float32 [B, H]."""
    if not network.config.is_plain or kernel_for(network.device, network.config) is not TORCH:
        everything = torch.ones(len(observation), network.actions, dtype=torch.bool)
        return evaluate_rows(network, observation, everything, state)[1]
    with torch.no_grad():
        return network.value(observation.to(network.device)).cpu()
