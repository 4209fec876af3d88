"""Adam in torch's functional form."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.optim.adam import adam

_BETA1, _BETA2 = 0.9, 0.999


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) over torch's own fused update; the bits are those of ``torch.optim.Adam``.

    That class loads torch's compiler when it is constructed. Nothing here uses the compiler, and loading it takes over
    a second, half of a short training.
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter], lr: float, eps: float) -> None:
        self.parameters = list(parameters)
        self.lr, self.eps = lr, eps
        #: Running means of gradients and of their squares, and steps taken: one tensor per parameter in each list.
        self.exp_avgs = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.exp_avg_sqs = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.steps = [torch.zeros((), dtype=torch.float32, device=parameter.device) for parameter in self.parameters]

    def constants(self, step: int) -> tuple[float, float, float, float, float, float]:
        """The constants of the step with this number, counted from 1.

        With g the gradient, m and v the running means, w a weight: m += (g − m) · first, v = v · second + third · g²,
        w −= fourth · m / (√v / fifth + sixth).
        """
        return 1.0 - _BETA1, _BETA2, 1.0 - _BETA2, self.lr / (1.0 - _BETA1**step), (1.0 - _BETA2**step) ** 0.5, self.eps

    def tensors(self) -> dict[str, torch.Tensor]:
        """The whole state by name: the tensors themselves, from which and into which checkpoints copy."""
        state = {"exp_avg": self.exp_avgs, "exp_avg_sq": self.exp_avg_sqs, "steps": self.steps}
        return {f"{kind}.{index}": tensor for kind, of in state.items() for index, tensor in enumerate(of)}

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters, each of which must have a gradient."""
        adam(
            list(self.parameters),
            [parameter.grad for parameter in self.parameters if parameter.grad is not None],
            self.exp_avgs,
            self.exp_avg_sqs,
            [],
            self.steps,
            fused=True,
            amsgrad=False,
            beta1=_BETA1,
            beta2=_BETA2,
            lr=self.lr,
            weight_decay=0.0,
            eps=self.eps,
            maximize=False,
        )
