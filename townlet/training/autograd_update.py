"""Updates by autograd: of networks with layer norm, and of recurrent ones, through time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from townlet.behavior.network import ActorCritic
from townlet.behavior.torch_rows import MULTIPLE, filled
from townlet.config.training import TrainingConfig
from townlet.training.adam import Adam
from townlet.training.batch import Batch
from townlet.training.minibatch_record import MinibatchRecord
from townlet.training.through_time import unrolled
from townlet.training.torch_update import Outputs, minibatch_losses

Rows = NDArray[np.int64]


class AutogradUpdate:
    """Updates of a network on its own device.

    A recurrent network is unrolled along the segments of a minibatch, each from the state that the batch has for its
    first agent-step; gradients flow back to there and no further (truncated backpropagation through time, Williams and
    Peng 1990). The bits of a row's forward pass are those of acting.
    """

    def __init__(self, network: ActorCritic) -> None:
        self.network, self._parameters = network, list(network.parameters())

    def load(self, optimizer: Adam) -> None:
        """Do nothing: weights and state are used where they are."""

    def store(self, optimizer: Adam) -> None:
        """Do nothing."""

    def show_gradient(self) -> None:
        """Do nothing: the parameters have their gradients."""

    def differentiate(self, batch: Batch, rows: Rows, config: TrainingConfig, progress: float) -> MinibatchRecord:
        """Compute the gradient for the agent-steps ``rows``, int64 [B], and return the minibatch's record.

        Those of a recurrent network lie segment by segment.
        """
        chosen = torch.from_numpy(rows).to(self.network.device)
        outputs = self._forward(batch, rows, chosen)
        total, record = minibatch_losses(outputs, batch, chosen, config, progress)
        gradients = torch.autograd.grad(total, self._parameters)
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient
        whole = torch.cat([gradient.flatten() for gradient in gradients])
        return record._replace(grad_norm=float(torch.linalg.vector_norm(whole)))

    def step(self, optimizer: Adam, scale: float) -> None:
        """Take an optimizer step against the gradient, multiplied by ``scale``."""
        for parameter in self._parameters:
            assert parameter.grad is not None
            parameter.grad *= scale
        optimizer.step()

    def _forward(self, batch: Batch, rows: Rows, chosen: Tensor) -> Outputs:
        count, network = len(rows), self.network
        observation = filled(batch.observation.index_select(0, chosen))
        hidden = network.trunk(observation)
        after = hidden.new_zeros(len(hidden), 0)
        if network.state_units:
            after = filled(self._through_time(batch, rows, hidden))
        log_probs, value = network.heads(hidden, after, filled(batch.mask.index_select(0, chosen), True))
        log_probs, value = log_probs[:count], value[:count]
        log_prob = log_probs.gather(1, batch.action.index_select(0, chosen).unsqueeze(1)).squeeze(1)
        entropy = -(log_probs.exp() * log_probs).sum(-1)
        return Outputs(log_prob, value, entropy, log_probs.detach())

    def _through_time(self, batch: Batch, rows: Rows, hidden: Tensor) -> Tensor:
        """The states after each of the choices ``rows``, float32 [B, H], from the trunk's output."""
        assert batch.state is not None and batch.sequences is not None
        memory, device = self.network.memory, self.network.device
        grid = _Grid.of(batch.sequences.bounds(rows, self.network.config.bptt_ticks))
        inputs = functional.linear(hidden, memory.weight_ih, memory.bias_ih)
        steps = inputs.index_select(0, torch.from_numpy(grid.row).to(device))
        state = filled(batch.state.index_select(0, torch.from_numpy(rows[grid.first]).to(device)))
        begins = torch.from_numpy(batch.sequences.begins[rows[grid.row]]).unsqueeze(1).to(device)
        found = unrolled(steps, state, begins, memory, grid.widths)
        return found.index_select(0, torch.from_numpy(grid.place).to(device))


class _Grid(NamedTuple):
    """The order in which segments are unrolled: the first step of all, the longest first, then the second step, …

    Every step has the segments that are as long, filled up to a multiple of rows.
    """

    row: Rows
    """int64 [sum of widths]: which of the B rows it is; any one where a step is filled up."""
    widths: list[int]
    """Rows of each step."""
    first: Rows
    """int64 [G]: the first row of each segment."""
    place: Rows
    """int64 [B]: where each row is among those of all steps."""

    @classmethod
    def of(cls, bounds: list[tuple[int, int]]) -> _Grid:
        begin, end = np.array(bounds).T
        order = np.argsort(begin - end, kind="stable")
        first, length = begin[order], (end - begin)[order]
        active = np.count_nonzero(length[:, None] > np.arange(length[0]), axis=0)
        widths = -(-active // MULTIPLE) * MULTIPLE
        row, place = np.zeros(widths.sum(), np.int64), np.empty(length.sum(), np.int64)
        start = 0
        for step, (count, width) in enumerate(zip(active.tolist(), widths.tolist(), strict=True)):
            row[start : start + count] = first[:count] + step
            place[first[:count] + step] = np.arange(start, start + count)
            start += width
        return cls(row, widths.tolist(), first, place)
