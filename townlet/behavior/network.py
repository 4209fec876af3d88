"""The actor-critic network: from observations and legal actions to log-probabilities of actions and a value."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor, nn

from townlet.config.training import NetworkConfig
from townlet.seeds import fold_seed
from townlet.world.engine.compile import entry

# Finite, so that probability × log-probability of an illegal action is 0 and not NaN, and so low that its
# probability underflows to exactly 0 if any action is legal.
ILLEGAL_LOGIT = -1e30


def shapes_of(features: int, actions: int, config: NetworkConfig) -> dict[str, list[int]]:
    """The shape of every weight of a network, by name, without building the network."""
    shapes: dict[str, list[int]] = {}
    for index, (inputs, units) in enumerate(itertools.pairwise((features, *config.hidden))):
        # Every other entry of the trunk is a non-linearity, which has no weights.
        shapes |= {f"trunk.{2 * index}.weight": [units, inputs], f"trunk.{2 * index}.bias": [units]}
    for head, outputs in (("policy_head", actions), ("value_head", 1)):
        shapes |= {f"{head}.weight": [outputs, config.hidden[-1]], f"{head}.bias": [outputs]}
    return shapes


class ActorCritic(nn.Module):
    """A perceptron trunk shared by a policy head and a value head.

    Weights are orthogonal (Saxe et al. 2014) with gains √2 in the trunk, 0.01 in the policy head (so that the first
    policy is nearly uniform) and 1 in the value head; biases are 0. They are a pure function of ``seed``: the global
    random state is neither read nor changed.
    """

    def __init__(self, features: int, actions: int, config: NetworkConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.features, self.actions, self.config = features, actions, config
        generator = torch.Generator().manual_seed(fold_seed(seed))
        activation = nn.Tanh if config.activation == "tanh" else nn.ReLU
        layers: list[nn.Module] = []
        for inputs, units in itertools.pairwise((features, *config.hidden)):
            layers += [_linear(inputs, units, math.sqrt(2), generator), activation()]
        self.trunk = nn.Sequential(*layers)
        self.policy_head = _linear(config.hidden[-1], actions, 0.01, generator)
        self.value_head = _linear(config.hidden[-1], 1, 1.0, generator)

    @property
    def device(self) -> torch.device:
        """The device of the weights, on which observations and masks must be."""
        return self.value_head.weight.device

    def forward(self, observation: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of all actions (nats) and the value estimate.

        Args:
            observation: float32 [B, F].
            mask: bool [B, N], true for legal actions, at least one per row.

        Returns:
            Log-probabilities float32 [B, N], normalised over the legal actions; those of illegal actions are about
            -1e30, so their probabilities and gradients are exactly 0. And values float32 [B].
        """
        hidden = self.trunk(observation)
        logits = self.policy_head(hidden).masked_fill(~mask, ILLEGAL_LOGIT)
        return torch.log_softmax(logits, dim=-1), self.value_head(hidden).squeeze(-1)

    def value(self, observation: Tensor) -> Tensor:
        """The value estimate alone: float32 [B] from observations float32 [B, F]."""
        values: Tensor = self.value_head(self.trunk(observation)).squeeze(-1)
        return values


def _linear(inputs: int, units: int, gain: float, generator: torch.Generator) -> nn.Linear:
    # torch fills every new layer from its global generator; forking keeps that generator's state as it was.
    with torch.random.fork_rng(devices=[]):
        layer = nn.Linear(inputs, units)
    nn.init.orthogonal_(layer.weight, gain, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def sample(log_probs: Tensor, uniforms: Tensor) -> Tensor:
    """Draw actions by inverting the cumulative distribution at the given uniforms; nothing else is random.

    Args:
        log_probs: float32 [B, N] as :meth:`ActorCritic.forward` returns them.
        uniforms: float64 [B] in [0, 1).

    Returns:
        int64 [B], the first action whose cumulative probability exceeds the uniform. An action of probability 0 does
        not raise the cumulative sum, so it is never drawn.
    """
    chosen = np.empty(len(log_probs), np.int64)
    given, at = (tensor.detach().contiguous().numpy() for tensor in (log_probs, uniforms))
    _invert(given, at, np.empty(log_probs.shape[1]), chosen)
    return torch.from_numpy(chosen)


@entry
def _invert(log_probs: np.ndarray, uniforms: np.ndarray, cumulative: np.ndarray, chosen: np.ndarray) -> None:
    """Fill ``chosen``, int64 [B]; ``cumulative``, float64 [N], is overwritten. See :func:`sample`."""
    rows, actions = log_probs.shape
    for row in range(rows):
        total, last = 0.0, 0
        for action in range(actions):
            logarithm = np.float64(log_probs[row, action])
            # Below this the probability is 0 even in float64, and comparing is quicker than computing it.
            if logarithm > -745.0:
                total += math.exp(logarithm)
                last = action
            cumulative[action] = total
        # Scaled, because float32 probabilities do not sum to exactly 1.
        threshold, action = uniforms[row] * total, 0
        while action < last and cumulative[action] <= threshold:
            action += 1
        chosen[row] = action
