"""Forward and backward passes of the network by torch's operations, by hand, in memory that is allocated once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from townlet.behavior.network import ActorCritic


class ForwardPass:
    """The forward pass of an :class:`ActorCritic` over up to ``rows`` rows, without autograd.

    Its results equal the module's except for the order of sums. It allocates once what autograd would allocate in every
    minibatch, and computes both heads in one matrix product. Each thread needs a pass of its own.
    """

    def __init__(self, network: ActorCritic, rows: int) -> None:
        self.network, self.rows = network, rows
        self._layers = [module for module in network.trunk.modules() if isinstance(module, nn.Linear)]
        last = self._layers[-1].out_features
        new = self._layers[0].weight.new_empty
        self._hidden = [new(rows, layer.out_features) for layer in self._layers]
        self._outputs = new(rows, network.actions + 1)
        self._head_weight, self._head_bias = new(network.actions + 1, last), new(network.actions + 1)
        relu = network.config.activation == "relu"
        self._activate: Callable[[Tensor], Tensor] = torch.relu_ if relu else torch.tanh_
        self._through_activation = _through_relu if relu else _through_tanh

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Logits float32 [B, N], illegal actions included, and values float32 [B], valid until the next call.

        ``observation`` is float32 [B, F], where B is at most ``rows``.
        """
        inputs = observation
        for layer, memory in zip(self._layers, self._hidden, strict=True):
            hidden = memory[: len(observation)]
            torch.addmm(layer.bias.detach(), inputs, layer.weight.detach().t(), out=hidden)
            inputs = self._activate(hidden)
        self._join_heads()
        outputs = self._outputs[: len(observation)]
        torch.addmm(self._head_bias, inputs, self._head_weight.t(), out=outputs)
        return outputs[:, :-1], outputs[:, -1]

    def _join_heads(self) -> None:
        heads = self.network.policy_head, self.network.value_head
        torch.cat([head.weight.detach() for head in heads], out=self._head_weight)
        torch.cat([head.bias.detach() for head in heads], out=self._head_bias)


class Backpropagation(ForwardPass):
    """A forward pass with a backward pass, which computes ``gradient``: float32 [parameters], flattened in their order.

    The caller fills ``error``, float32 [rows, N + 1], with the loss's derivatives with respect to the logits and, in
    the last column, the value.
    """

    def __init__(self, network: ActorCritic, rows: int) -> None:
        super().__init__(network, rows)
        parameters = list(network.parameters())
        self.gradient = torch.zeros_like(torch.cat([parameter.detach().flatten() for parameter in parameters]))
        self.error = torch.empty_like(self._outputs)
        self._errors = [torch.empty_like(hidden) for hidden in self._hidden]
        self._head_gradient, self._head_bias_gradient = (
            torch.empty_like(part) for part in (self._head_weight, self._head_bias)
        )
        views = iter(views_of(self.gradient, parameters))
        # Weight and bias of each layer in turn, both heads at the end.
        pairs = list(zip(views, views, strict=True))
        self._gradients, self._head_gradients = pairs[:-2], pairs[-2:]

    def backward(self, observation: Tensor) -> None:
        """Compute ``gradient`` from ``error``, for the observations, float32 [B, F], of the last forward pass."""
        rows = len(observation)
        inputs = [observation, *(hidden[:rows] for hidden in self._hidden)]
        error = self.error[:rows]
        torch.mm(error.t(), inputs[-1], out=self._head_gradient)
        torch.sum(error, 0, out=self._head_bias_gradient)
        first = 0
        for weight, bias in self._head_gradients:
            last = first + len(bias)
            weight.copy_(self._head_gradient[first:last])
            bias.copy_(self._head_bias_gradient[first:last])
            first = last
        matrix = self._head_weight
        for depth in reversed(range(len(self._layers))):
            before = self._errors[depth][:rows]
            torch.mm(error, matrix, out=before)
            error = self._through_activation(before, inputs[depth + 1])
            weight, bias = self._gradients[depth]
            torch.mm(error.t(), inputs[depth], out=weight)
            torch.sum(error, 0, out=bias)
            matrix = self._layers[depth].weight.detach()


def views_of(flat: Tensor, parameters: list[nn.Parameter]) -> list[Tensor]:
    """Views of a flat tensor [all parameters], one per parameter and of its shape."""
    parts = torch.split(flat, [parameter.numel() for parameter in parameters])
    return [part.view_as(parameter) for part, parameter in zip(parts, parameters, strict=True)]


def _through_tanh(error: Tensor, activation: Tensor) -> Tensor:
    """Multiply ``error``, the derivative by tanh's output, by 1 − tanh², in place."""
    through: Tensor = torch.ops.aten.tanh_backward.grad_input(error, activation, grad_input=error)
    return through


def _through_relu(error: Tensor, activation: Tensor) -> Tensor:
    """Set ``error``, the derivative by relu's output, to 0 where that output is 0, in place."""
    through: Tensor = torch.ops.aten.threshold_backward.grad_input(error, activation, 0.0, grad_input=error)
    return through
