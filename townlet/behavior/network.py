"""The actor-critic network: from observations and legal actions to log-probabilities of actions and a value."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from townlet.behavior.own.network_trunk import own_trunk
from townlet.config.training import NetworkConfig
from townlet.seeds import fold_seed
from townlet.world.engine.compile import entry

# Finite, so that probability × log-probability of an illegal action is 0 and not NaN, and so low that its
# probability underflows to exactly 0 if any action is legal.
ILLEGAL_LOGIT = -1e30


def shapes_of(features: int, actions: int, config: NetworkConfig) -> dict[str, list[int]]:
    """The shape of every weight of a network without a module of a user's own, by name, without building it."""
    shapes: dict[str, list[int]] = {}
    # Each hidden layer has its sums, perhaps their normalisation, and a non-linearity, which has no weights.
    parts = 3 if config.layer_norm else 2
    for index, (inputs, units) in enumerate(itertools.pairwise((features, *config.hidden))):
        first = parts * index
        shapes |= {f"trunk.{first}.weight": [units, inputs], f"trunk.{first}.bias": [units]}
        if config.layer_norm:
            shapes |= {f"trunk.{first + 1}.weight": [units], f"trunk.{first + 1}.bias": [units]}
    width, state = config.hidden[-1], config.state_units
    if state:
        for name, inputs in (("ih", width), ("hh", state)):
            shapes |= {f"memory.weight_{name}": [3 * state, inputs], f"memory.bias_{name}": [3 * state]}
    for head, outputs in (("policy_head", actions), ("value_head", 1)):
        shapes |= {f"{head}.weight": [outputs, width + state], f"{head}.bias": [outputs]}
    return shapes


class Step(NamedTuple):
    """What a network finds for ``B`` rows."""

    log_probs: Tensor
    """float32 [B, N]: log-probabilities of all actions, nats."""
    value: Tensor
    """float32 [B]"""
    state: Tensor
    """float32 [B, H]: the state after these choices, with which the next ones are made."""


class ActorCritic(nn.Module):
    """A trunk, perhaps a memory, and a policy head and a value head that share both.

    The trunk is a perceptron, or a module of a user's own: see :mod:`townlet.behavior.own.network_trunk`.

    With ``recurrent: gru`` the trunk's output advances a hidden state, and the heads read both: what people see now
    reaches the heads directly, whatever the memory's gates let through.

    Weights are orthogonal (Saxe et al. 2014) with gains √2 in the trunk, 1 in each of the memory's matrices, 0.01 in
    the policy head (so that the first policy is nearly uniform) and 1 in the value head; biases are 0, except that
    those of the memory's update gates are 1, so that a state fades slowly at first (as Jozefowicz, Zaremba and
    Sutskever 2015 advise for the LSTM). All are a pure function of ``seed``: the global random state is neither read
    nor changed.
    """

    def __init__(self, features: int, actions: int, config: NetworkConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.features, self.actions, self.config = features, actions, config
        self.state_units = config.state_units
        generator = torch.Generator().manual_seed(fold_seed(seed))
        self.source_sha256: str | None = None
        """Of the file that defines the factory of ``module``."""
        self.trunk: nn.Module
        if config.module is None:
            self.trunk, width = _perceptron(features, config, generator), config.hidden[-1]
        else:
            self.trunk, width, self.source_sha256 = own_trunk(features, config, fold_seed(seed))
        if self.state_units:
            self.memory = _gru(width, self.state_units, generator)
            width += self.state_units
        self.policy_head = _linear(width, actions, 0.01, generator)
        self.value_head = _linear(width, 1, 1.0, generator)

    @property
    def device(self) -> torch.device:
        """The device of the weights, on which observations and masks must be."""
        return self.value_head.weight.device

    def forward(self, observation: Tensor, mask: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log-probabilities of all actions (nats) and the value estimate.

        Args:
            observation: float32 [B, F].
            mask: bool [B, N], true for legal actions, at least one per row.
            state: float32 [B, H], the hidden state before the choice; None for that of an episode's beginning.

        Returns:
            Log-probabilities float32 [B, N], normalised over the legal actions; those of illegal actions are about
            -1e30, so their probabilities and gradients are exactly 0. And values float32 [B].
        """
        found = self.step(observation, mask, state)
        return found.log_probs, found.value

    def step(self, observation: Tensor, mask: Tensor, state: Tensor | None = None) -> Step:
        """As :meth:`forward`, with the hidden state after the choice, float32 [B, H]."""
        hidden = self.trunk(observation)
        after = self.advance(hidden, state)
        return Step(*self.heads(hidden, after, mask), after)

    def advance(self, hidden: Tensor, state: Tensor | None = None) -> Tensor:
        """The hidden state, float32 [B, H], after the trunk's output ``hidden``, float32 [B, U]."""
        before = hidden.new_zeros(len(hidden), self.state_units) if state is None else state
        if not self.state_units:
            return before
        return next_state(functional.linear(hidden, self.memory.weight_ih, self.memory.bias_ih), before, self.memory)

    def heads(self, hidden: Tensor, after: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """What :meth:`forward` returns, from the trunk's output and the hidden state that it has led to."""
        joined = self._joined(hidden, after)
        logits = self.policy_head(joined).masked_fill(~mask, ILLEGAL_LOGIT)
        return torch.log_softmax(logits, dim=-1), self.value_head(joined).squeeze(-1)

    def value(self, observation: Tensor, state: Tensor | None = None) -> Tensor:
        """The value estimate alone: float32 [B] from observations float32 [B, F] and states as in :meth:`forward`."""
        hidden = self.trunk(observation)
        values: Tensor = self.value_head(self._joined(hidden, self.advance(hidden, state))).squeeze(-1)
        return values

    def _joined(self, hidden: Tensor, after: Tensor) -> Tensor:
        return torch.cat([hidden, after], dim=-1) if self.state_units else hidden


def _perceptron(features: int, config: NetworkConfig, generator: torch.Generator) -> nn.Sequential:
    activation = nn.Tanh if config.activation == "tanh" else nn.ReLU
    layers: list[nn.Module] = []
    for inputs, units in itertools.pairwise((features, *config.hidden)):
        layers.append(_linear(inputs, units, math.sqrt(2), generator))
        if config.layer_norm:
            layers.append(nn.LayerNorm(units))
        layers.append(activation())
    return nn.Sequential(*layers)


def next_state(inputs: Tensor, state: Tensor, memory: nn.GRUCell) -> Tensor:
    """The state of a gated recurrent unit after one step, float32 [B, H].

    ``inputs``, float32 [B, 3 H], is W x + b for its reset, update and candidate parts, ``state`` the state before. With
    r and z the gates, n = tanh(W_n x + b_n + r (U_n h + c_n)) and h' = (1 − z) n + z h (Cho et al. 2014, in torch's
    form, whose reset gate comes after the product).
    """
    units = state.shape[1]
    from_state = functional.linear(state, memory.weight_hh, memory.bias_hh)
    gates = torch.sigmoid(inputs[:, : 2 * units] + from_state[:, : 2 * units])
    candidate = torch.tanh(inputs[:, 2 * units :] + gates[:, :units] * from_state[:, 2 * units :])
    return candidate + gates[:, units:] * (state - candidate)


def _linear(inputs: int, units: int, gain: float, generator: torch.Generator) -> nn.Linear:
    # torch fills every new layer from its global generator; forking keeps that generator's state as it was.
    with torch.random.fork_rng(devices=[]):
        layer = nn.Linear(inputs, units)
    nn.init.orthogonal_(layer.weight, gain, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def _gru(inputs: int, units: int, generator: torch.Generator) -> nn.GRUCell:
    with torch.random.fork_rng(devices=[]):
        cell = nn.GRUCell(inputs, units)
    for weights in (cell.weight_ih, cell.weight_hh):
        for gate in weights.detach().chunk(3):
            nn.init.orthogonal_(gate, generator=generator)
    for bias in (cell.bias_ih, cell.bias_hh):
        nn.init.zeros_(bias)
    nn.init.ones_(cell.bias_ih.detach()[units : 2 * units])
    return cell


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
