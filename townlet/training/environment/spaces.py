"""Spaces of an environment as a policy sees them: observations as rows of features, actions as numbers from 0 on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.spaces.utils import flatten
from numpy.typing import NDArray

from townlet.errors import InputError

#: Key of a mask, in an info or in an observation that is a mapping.
MASK = "action_mask"
#: The most combinations of a ``MultiDiscrete`` action that become actions of their own.
MOST_ACTIONS = 4096

Feature = dict[str, Any]


class Observations:
    """Observations of a space, flattened to float32 by Gymnasium's own ``flatten``.

    A mapping's entry ``action_mask`` is no feature, but the mask.

    ``schema`` names each feature: by its index, or by the keys that lead to it; those of a discrete part, which is
    encoded one-hot, also by the value. ``low`` and ``high`` are absent where the space has no bound.

    Raises InputError, with ``source`` as the file, for a part that has no fixed number of features.
    """

    def __init__(self, space: spaces.Space[Any], source: str) -> None:
        self.space: spaces.Space[Any] = space
        self.masked = isinstance(space, spaces.Dict) and MASK in space.spaces
        if self.masked and isinstance(space, spaces.Dict):
            rest = {key: part for key, part in space.spaces.items() if key != MASK}
            # PettingZoo's games hold all features under the one key ``observation``.
            self._only = next(iter(rest)) if len(rest) == 1 else None
            self.space = rest[self._only] if self._only is not None else spaces.Dict(rest)
        _require_features(self.space, "observation_space", source)
        self.schema: list[Feature] = list(_features(self.space, ""))
        if not self.schema:
            raise InputError.of(source, "observation_space", f"{space}, without a feature", "at least one feature")
        self._box = type(self.space) is spaces.Box

    def write(self, row: NDArray[np.float32], seen: Any) -> None:
        """Write an observation into ``row``, float32 [F]. Raises ValueError for one of another shape."""
        if self.masked:
            seen = seen[self._only] if self._only is not None else {key: seen[key] for key in self.space.spaces}  # type: ignore[attr-defined]
        features = np.asarray(seen if self._box else flatten(self.space, seen))
        if features.size != row.size:
            raise ValueError(f"observation: found shape {features.shape}, expected {self.space.shape}, as in its space")
        row[:] = features.ravel()

    def mask_in(self, seen: Any, info: Mapping[str, Any]) -> Any:
        """The mask that comes with an observation, in it or in its info; None if there is none."""
        return seen[MASK] if self.masked else info.get(MASK)


class Actions:
    """Actions of a discrete space, numbered from 0 on; those of a ``MultiDiscrete`` are its combinations.

    Raises InputError, with ``source`` as the file, for a space without a small finite number of actions.
    """

    def __init__(self, space: spaces.Space[Any], source: str) -> None:
        self._source = source
        where = "action_space"
        if isinstance(space, spaces.Discrete):
            self.names = [str(int(space.start) + index) for index in range(int(space.n))]
            self._native: list[Any] = [int(space.start) + index for index in range(int(space.n))]
            self._parts = [int(space.n)]
        elif isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1:
            self._parts = [int(part) for part in space.nvec]
            count = math.prod(self._parts)
            if count > MOST_ACTIONS:
                raise InputError.of(source, where, f"{space}, {count:,} combinations", f"at most {MOST_ACTIONS:,}")
            first = [int(start) for start in space.start]
            combined = list(itertools.product(*(range(part) for part in self._parts)))
            chosen = [[start + part for start, part in zip(first, parts, strict=True)] for parts in combined]
            self.names = [",".join(map(str, parts)) for parts in chosen]
            self._native = [np.array(parts, space.dtype) for parts in chosen]
        else:
            raise InputError.of(source, where, str(space), f"Discrete or MultiDiscrete: {_why_not(space)}")

    def native(self, action: int) -> Any:
        """The environment's own form of an action, which it may change."""
        found = self._native[action]
        return found.copy() if isinstance(found, np.ndarray) else found

    def write_mask(self, row: NDArray[np.bool_], mask: Any) -> None:
        """Write an environment's mask into ``row``, bool [N]; None allows everything.

        A mask is one number per action. That of a ``MultiDiscrete`` may also be a mask per part, as Gymnasium samples
        by. Raises ValueError for one of another size.
        """
        if mask is None:
            row[:] = True
            return
        if isinstance(mask, tuple) and len(mask) == len(self._parts) and len(self._parts) > 1:
            combined = np.ones(1, np.bool_)
            for part in mask:
                combined = np.logical_and.outer(combined, np.asarray(part) != 0).ravel()
            mask = combined
        given = np.asarray(mask)
        if given.shape != row.shape:
            raise ValueError(f"{MASK}: found shape {given.shape}, expected {row.shape}")
        np.not_equal(given, 0, out=row)


def _why_not(space: spaces.Space[Any]) -> str:
    if isinstance(space, spaces.Box):
        return "a policy has one probability per action, and continuous actions are too many; offer a few steps of them"
    return "a policy has one probability per action"


def _require_features(space: spaces.Space[Any], where: str, source: str) -> None:
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            _require_features(part, f"{where}.{key}", source)
    elif isinstance(space, spaces.Tuple):
        for index, part in enumerate(space.spaces):
            _require_features(part, f"{where}.{index}", source)
    elif not isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiBinary | spaces.MultiDiscrete):
        expected = "Box, Discrete, MultiBinary, MultiDiscrete, or a Dict or Tuple of them: a fixed number of features"
        raise InputError.of(source, where, str(space), expected)


def _features(space: spaces.Space[Any], name: str) -> Iterator[Feature]:
    """The features of a space in the order of ``flatten``; ``name`` is that of the part, empty for the whole."""
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _features(part, f"{name}.{key}" if name else str(key))
    elif isinstance(space, spaces.Tuple):
        for index, part in enumerate(space.spaces):
            yield from _features(part, f"{name}.{index}" if name else f"part {index}")
    elif isinstance(space, spaces.Discrete):
        start = int(space.start)
        for value in range(start, start + int(space.n)):
            yield _one_hot(name or "observation", value)
    elif isinstance(space, spaces.MultiDiscrete):
        for index, (count, start) in enumerate(zip(space.nvec.ravel(), space.start.ravel(), strict=True)):
            for value in range(int(start), int(start) + int(count)):
                yield _one_hot(_numbered(name, index), value)
    elif isinstance(space, spaces.Box):
        bounds = zip(space.low.ravel().tolist(), space.high.ravel().tolist(), strict=True)
        for index, (low, high) in enumerate(bounds):
            of_part = name if name and space.low.size == 1 else _numbered(name, index)
            yield {"name": of_part, **_bound("low", low), **_bound("high", high), "meaning": "as in the environment"}
    elif isinstance(space, spaces.MultiBinary):
        for index in range(math.prod(space.shape)):
            yield {"name": _numbered(name, index), "low": 0.0, "high": 1.0, "meaning": "as in the environment"}


def _numbered(name: str, index: int) -> str:
    return f"{name}[{index}]" if name else f"feature {index}"


def _one_hot(name: str, value: int) -> Feature:
    return {"name": f"{name} = {value}", "low": 0.0, "high": 1.0, "meaning": f"1 if {name} is {value}, else 0"}


def _bound(which: str, value: float) -> dict[str, float]:
    # Beyond single precision's range, as CartPole has it, there is no bound.
    return {which: float(value)} if abs(value) < 1e38 else {}
