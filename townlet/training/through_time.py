"""Backpropagation through time of a gated recurrent unit, written out.

Autograd would keep a dozen tensors per step and add up the gradient of the recurrent weights in each. Here a step of
the backward pass is one matrix product, and those gradients are one for all steps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from townlet.behavior.network import next_state


def unrolled(inputs: Tensor, state: Tensor, begins: Tensor, memory: nn.GRUCell, widths: list[int]) -> Tensor:
    """The states after each step, float32 [P, H], where step k has the first ``widths[k]`` sequences.

    Args:
        inputs: float32 [P, 3 H], as :func:`townlet.behavior.network.next_state` takes them, step after step.
        state: float32 [G, H], the states before the first step, through which no gradient flows.
        begins: bool [P, 1], whether the state before a step is 0, whatever came before.
        memory: whose recurrent weights are used.
        widths: never increases; its sum is P.
    """
    found: Tensor = _Unrolled.apply(inputs, memory.weight_hh, memory.bias_hh, state, begins, memory, widths)  # type: ignore[no-untyped-call]
    return found


class _Unrolled(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor,
        state: Tensor,
        begins: Tensor,
        memory: nn.GRUCell,
        widths: list[int],
    ) -> Tensor:
        befores, afters = [], []
        for of_step, fresh in zip(*(torch.split(of_all, widths) for of_all in (inputs, begins)), strict=True):
            befores.append(state[: len(of_step)].masked_fill(fresh, 0.0))
            state = next_state(of_step, befores[-1], memory)
            afters.append(state)
        ctx.save_for_backward(inputs, weight, bias, torch.cat(befores), begins)
        ctx.widths = widths
        return torch.cat(afters)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """With h the state before, a = U h + c, s the sums before the gates, and g = ∂L/∂h':

        ∂L/∂s_n = g (1 − z)(1 − n²), ∂L/∂s_z = g (h − n) z (1 − z), ∂L/∂s_r = ∂L/∂s_n a_n r (1 − r),
        ∂L/∂a = (∂L/∂s_r, ∂L/∂s_z, r ∂L/∂s_n) and ∂L/∂h = g z + Uᵀ ∂L/∂a.
        """
        inputs, weight, bias, before, begins = ctx.saved_tensors
        units = before.shape[1]
        from_state = torch.addmm(bias, before, weight.t())
        gates = torch.sigmoid(inputs[:, : 2 * units] + from_state[:, : 2 * units])
        reset, update, product = gates[:, :units], gates[:, units:], from_state[:, 2 * units :]
        candidate = torch.tanh(inputs[:, 2 * units :] + reset * product)
        by_candidate = (1.0 - update) * (1.0 - candidate * candidate)
        by_reset = by_candidate * product * reset * (1.0 - reset)
        by_update = (before - candidate) * update * (1.0 - update)
        # What a step multiplies g by to get ∂L/∂a.
        factors = torch.stack([by_reset, by_update, by_candidate * reset], 1)
        whole, errors = gradient.clone(), torch.empty_like(factors)
        kept = update.masked_fill(begins, 0.0)
        end, carried = len(whole), whole[:0]
        for width in reversed(ctx.widths):
            here = slice(end - width, end)
            error = whole[here]
            error[: len(carried)] += carried
            torch.mul(error.unsqueeze(1), factors[here], out=errors[here])
            carried = errors[here].view(width, -1) @ weight
            carried = carried.masked_fill_(begins[here], 0.0).addcmul_(error, kept[here])
            end -= width
        by_inputs = torch.stack([by_reset, by_update, by_candidate], 1) * whole.unsqueeze(1)
        flat = errors.view(len(errors), -1)
        return by_inputs.view(len(errors), -1), flat.t() @ before, flat.sum(0), None, None, None, None
