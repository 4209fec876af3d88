"""Spaces, types and the place of the mask, which the environments share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from townlet.errors import InputError, nearest_name

#: Where agents find their mask: in the observation only, in the info only, or nowhere.
ActionMask = Literal["observation", "info", "none"]
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


def observation_space_of(schema: Sequence[Mapping[str, Any]], actions: int, place: ActionMask) -> spaces.Space[Any]:
    """Return the space of what one person is shown, float32 [F], with the mask where ``place`` puts it.

    In the observation, it makes a dictionary: ``observation`` float32 [F], ``action_mask`` int8 [``actions``].
    """
    box = observation_box(schema)
    if place != "observation":
        return box
    return spaces.Dict({"observation": box, "action_mask": spaces.Box(0, 1, (actions,), np.int8)})


def shown(observation: NDArray[np.float32], mask: NDArray[np.int8], place: ActionMask) -> tuple[Any, dict[str, Any]]:
    """Return what one person is shown and the info, with the mask where ``place`` puts it."""
    if place == "observation":
        return {"observation": observation, "action_mask": mask}, {}
    return observation, {"action_mask": mask} if place == "info" else {}


def mask_option(given: ActionMask) -> ActionMask:
    """Check the option ``action_mask``. Raises InputError for an unknown place."""
    if given not in get_args(ActionMask):
        raise InputError.of("options", "action_mask", repr(given), nearest_name(str(given), get_args(ActionMask)))
    return given
