"""Spaces and types that the environments share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

#: A step's results by agent: observations, rewards, terminations, truncations and infos.
Step = tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]


def feature_bounds(schema: Sequence[Mapping[str, Any]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lowest and highest values of an observation schema's features, two arrays float32 [F]."""
    low = np.array([feature["low"] for feature in schema], np.float32)
    high = np.array([feature["high"] for feature in schema], np.float32)
    return low, high


def observation_box(schema: Sequence[Mapping[str, Any]]) -> spaces.Box[np.float32]:
    """Return the space of one person's observation: float32 [F] within the schema's bounds."""
    low, high = feature_bounds(schema)
    return spaces.Box(low, high, dtype=np.float32)


def masked_space(schema: Sequence[Mapping[str, Any]], actions: int) -> spaces.Dict:
    """Return the space of an observation with its mask: ``observation`` float32 [F], ``action_mask`` int8 [N]."""
    mask = spaces.Box(0, 1, (actions,), np.int8)
    return spaces.Dict({"observation": observation_box(schema), "action_mask": mask})
