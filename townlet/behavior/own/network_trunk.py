"""Trunks of networks that a user's own code makes, and the trial that shows whether a policy can learn with one."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from townlet.behavior.own.network_registry import Factory, failed, network_factory
from townlet.config.training import NetworkConfig
from townlet.errors import InputError
from townlet.host.user_modules import source_sha256

#: Rows of the trial, of which a part is computed by itself too.
_ROWS, _PART = 48, 16
#: How far results of the same row may be apart: matrix libraries sum in another order for other numbers of rows.
_CLOSE = 1e-4


class OwnTrunk(NamedTuple):
    """A module of a user's own between observations and heads."""

    module: nn.Module
    width: int
    """K: numbers that it gives for each row."""
    source_sha256: str | None
    """SHA-256 of the file that defines the factory; None for code without a file."""


def own_trunk(features: int, config: NetworkConfig, seed: int) -> OwnTrunk:
    """The trunk of a network with ``module``, with first weights that are a function of ``seed`` alone.

    Raises InputError for code that may not run or fails; for a module whose first weights differ from one making to the
    next; and for one that PPO cannot use: see :func:`_require_usable`.
    """
    name = str(config.module)
    factory = network_factory(name)
    with _seeded(seed):
        module = _made(name, factory, features, config)
    with _seeded(seed):
        again = _made(name, factory, features, config)
    first, second = module.state_dict(), again.state_dict()
    if first.keys() != second.keys() or not all(_same(first[each], second[each]) for each in first):
        raise _fault(name, "other first weights in a second making", "weights drawn from torch's, numpy's or random's")
    with _seeded(0):
        width = _require_usable(name, module, features)
    return OwnTrunk(module, width, source_sha256(factory))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Begin the global generators from ``seed``, and give them back as they were."""
    # Old code draws from NumPy's global generator, which takes 32 bits.
    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


def _made(name: str, factory: Factory, features: int, config: NetworkConfig) -> nn.Module:
    try:
        made: Any = factory(*((features, config) if _takes_two(factory) else (features,)))
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise failed(name, error) from error
    if not isinstance(made, nn.Module):
        raise _fault(name, f"a {type(made).__name__}", "a torch.nn.Module")
    return made


def _takes_two(factory: Factory) -> bool:
    """Whether a second argument can be given without being named."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return False
    kinds = [each.kind for each in parameters]
    required = [each for each in parameters if each.default is each.empty]
    positional = kinds.count(inspect.Parameter.POSITIONAL_ONLY) + kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
    # An optional second argument is the factory's own business, unless it is named for this.
    named = [each.name for each in parameters][1:2] == ["config"]
    return positional >= 2 and (len(required) >= 2 or named)


def _require_usable(name: str, module: nn.Module, features: int) -> int:
    """The width of a module's results, after a trial with random rows.

    Raises InputError unless it gives finite float32 [B, K] for any number of rows, the same for a row whatever is
    beside it and whenever it is asked (so no dropout and no batch normalisation), and a gradient for each weight.
    """
    rows = torch.randn(_ROWS, features)
    before = {each: tensor.clone() for each, tensor in module.state_dict().items()}
    wrong = [each for each, weight in module.named_parameters() if weight.dtype != torch.float32]
    if wrong:
        raise _fault(name, f"{wrong[0]} of {dict(module.named_parameters())[wrong[0]].dtype}", "weights of float32")
    try:
        found, again, part = module(rows), module(rows.clone()), module(rows[:_PART].clone())
    except Exception as error:
        raise failed(name, error) from error
    for result, count in ((found, _ROWS), (again, _ROWS), (part, _PART)):
        shown = f"{result.dtype} {list(result.shape)}" if isinstance(result, Tensor) else f"a {type(result).__name__}"
        fits = isinstance(result, Tensor) and result.dtype == torch.float32 and result.ndim == 2
        if not fits or len(result) != count or not result.shape[1]:
            raise _fault(name, shown, f"float32 [{count}, K] for observations [{count}, {features}]")
        if not bool(torch.isfinite(result).all()):
            raise _fault(name, "NaN or infinite results", "finite numbers")
    if not torch.equal(found, again):
        raise _fault(name, "other results when it is asked again", "a function of its input: no dropout or noise")
    if not torch.allclose(found[:_PART], part, rtol=_CLOSE, atol=_CLOSE):
        expected = "results of a row that do not depend on the others, so no batch normalisation (layer norm will do)"
        raise _fault(name, "other results of a row beside other rows", expected)
    changed = [each for each, tensor in module.state_dict().items() if not _same(tensor, before[each])]
    if changed:
        raise _fault(name, f"a forward pass that changes {changed[0]}", "one that changes nothing")
    weights = list(module.parameters())
    if weights and all(weight.requires_grad for weight in weights):
        gradients = torch.autograd.grad(found.sum(), weights, allow_unused=True)
        weights = [weight for weight, gradient in zip(weights, gradients, strict=True) if gradient is None]
    else:
        weights = [weight for weight in weights if not weight.requires_grad]
    for each, weight in module.named_parameters():
        if any(weight is one for one in weights):
            raise _fault(name, f"{each}, which gets no gradient", "only weights that learn; constants are buffers")
    return int(found.shape[1])


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and torch.equal(one, other)


def _fault(name: str, found: str, expected: str) -> InputError:
    return InputError.of("network.module", name, found, expected)
