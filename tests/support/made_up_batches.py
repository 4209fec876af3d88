"""Batches of made-up experience, and their minibatches differentiated by torch and by the compiled passes."""

from __future__ import annotations

import numpy as np
import torch

from townlet.behavior.network import ActorCritic
from townlet.config.training import NetworkConfig, TrainingConfig
from townlet.training.adam import Adam
from townlet.training.batch import Batch, Method
from townlet.training.minibatch_record import MinibatchRecord
from townlet.training.torch_update import TorchUpdate

FEATURES, ACTIONS, ROWS = 21, 6, 300


def network_of(activation: str, hidden: list[int], features: int = FEATURES, actions: int = ACTIONS) -> ActorCritic:
    """A network whose policy is far from uniform."""
    config = NetworkConfig.model_validate({"hidden": hidden, "activation": activation})
    network = ActorCritic(features, actions, config, seed=3)
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        # Its first policy would be nearly uniform.
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return network


def batch_of(network: ActorCritic, method: Method, seed: int = 0, rows: int = ROWS) -> Batch:
    """A batch of made-up experience near the network's own policy, in which a third of the features are always 0."""
    generator = torch.Generator().manual_seed(seed)
    observation = torch.randn(rows, network.features, generator=generator)
    observation[:, ::3] = 0.0
    mask = torch.rand(rows, network.actions, generator=generator) < 0.6
    mask[torch.arange(rows), torch.randint(network.actions, (rows,), generator=generator)] = True
    with torch.no_grad():
        log_probs, value = network(observation, mask)
    action = torch.multinomial(log_probs.exp(), 1, generator=generator).squeeze(1)
    noise = torch.randn(6, rows, generator=generator)
    old_log_probs = torch.log_softmax(log_probs + 0.3 * torch.randn(log_probs.shape, generator=generator), -1)
    recorded = method != "none"
    old = (old_log_probs if recorded else log_probs + 0.2 * noise[0].unsqueeze(1)).gather(1, action.unsqueeze(1))
    return Batch(
        method=method,
        rows=np.arange(rows),
        observation=observation,
        mask=mask,
        action=action,
        old_log_prob=old.squeeze(1),
        old_log_probs=old_log_probs if recorded else None,
        old_value=value + 0.1 * noise[1],
        advantage=2.0 * noise[2] + 1.0,
        value_target=value + noise[3],
        reward=noise[4],
        weight=noise[5].abs() if method in ("vtrace", "awr") else None,
        statistics={},
    )


def differentiated(
    kind: str, network: ActorCritic, batch: Batch, rows: np.ndarray, config: TrainingConfig
) -> tuple[MinibatchRecord, torch.Tensor]:
    """The record and the gradient of a minibatch, by ``torch`` or ``compiled``."""
    from townlet.training.compiled.update import CompiledUpdate

    update = TorchUpdate(network) if kind == "torch" else CompiledUpdate(network, config.threads)
    update.load(Adam(network.parameters(), lr=1e-3, eps=1e-5))
    record = update.differentiate(batch, rows, config, 0.25)
    update.show_gradient()
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    return record, torch.cat([gradient.flatten() for gradient in gradients])
