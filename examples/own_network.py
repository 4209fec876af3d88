"""A network of one's own: two residual blocks in place of the hidden layers.

    export TOWNLET_MODULES=examples/own_network.py:residual
    townlet train configs/scenarios/queue_conflict.yaml --mode rollout --set network.module=$TOWNLET_MODULES \
        --output runs/residual
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """Two layers whose result is added to what they were given."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(units), nn.Linear(units, units), nn.ReLU(), nn.Linear(units, units))

    def forward(self, inputs: Tensor) -> Tensor:
        """float32 [B, units] from the same."""
        return torch.add(inputs, self.layers(inputs))


def residual(features: int) -> nn.Module:
    """A module from observations, float32 [B, features], to float32 [B, 64], which the heads read."""
    return nn.Sequential(nn.Linear(features, 64), Residual(64), Residual(64), nn.ReLU())
