"""A simulated device for machines that have only a processor: numbers that only its own operations can reach.

Under :class:`AnotherDevice`, torch's device ``meta`` computes. As on an accelerator, neither NumPy nor an operation on
the processor's tensors can reach its tensors' memory, so whatever mixes the two fails.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

NAME = "meta"


class _There(torch.Tensor):
    """A tensor on the simulated device, which keeps its values in ``numbers``."""

    numbers: torch.Tensor

    @staticmethod
    def __new__(cls, numbers: torch.Tensor) -> _There:
        made = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, numbers.size(), numbers.stride(), numbers.storage_offset(), dtype=numbers.dtype, device=NAME
        )
        made.numbers = numbers
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, kinds: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class AnotherDevice(TorchDispatchMode):
    """The simulated device, which exists while this mode is active."""

    def __torch_dispatch__(self, func: Any, kinds: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    given = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, torch.Tensor)]
    there = [one for one in given if isinstance(one, _There)]
    asked = torch.device(kwargs["device"]).type if kwargs.get("device") is not None else None
    moves = func in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
    if there and not moves and any(one.dim() for one in given if not isinstance(one, _There)):
        raise RuntimeError(f"{func}: expected all tensors to be on one device")
    if asked == NAME:
        kwargs = kwargs | {"device": "cpu"}
    plain_args, plain = tree_map(_numbers, args), tree_map(_numbers, kwargs)
    result = func(*plain_args, **plain)
    if asked == "cpu" or not (there or asked == NAME):
        return result
    if moves and func is torch.ops.aten.copy_.default:
        return args[0]
    # An operation in place returns the tensor that it wrote to.
    known = {id(one.numbers): one for one in there}

    def placed(one: Any) -> Any:
        if not isinstance(one, torch.Tensor):
            return one
        return known[id(one)] if id(one) in known else _There(one)

    return tree_map(placed, result)


def _numbers(one: Any) -> Any:
    return one.numbers if isinstance(one, _There) else one
