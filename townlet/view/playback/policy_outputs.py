"""Outputs of a policy for every person and tick of a captured world."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.capture import Capture
from townlet.view.policy_outputs import OutputsOf

#: Actions and features kept per agent-step: those with the highest probability and the largest attribution.
ACTIONS, FEATURES = 4, 5

#: Agent-steps per call of the network.
_BATCH = 8192


class PolicyOutputs(NamedTuple):
    """A policy's outputs over ``T`` ticks for ``A`` people; −1 and 0 where nobody is in the slot."""

    policy_sha256: str
    """Of the weights, or of a behaviour's origin."""
    acted_for: list[str]
    """The people whose recorded actions this policy chose."""
    features: tuple[tuple[str, str], ...]
    """Name and meaning of every feature that occurs in ``top_features``."""
    frames: dict[str, NDArray[Any]]
    """By name:

    =====================  =================  =========================================================================
    ``top_actions``        int32 [T, A, 4]    legal actions, the most probable first; −1 where there are fewer
    ``top_probabilities``  float64 [T, A, 4]  their probabilities
    ``taken_probability``  float64 [T, A]     probability of the action taken
    ``value``              float32 [T, A]     value estimate, units of return; missing without one
    ``top_features``       int32 [T, A, 5]    indices into ``features``, the largest attribution first; −1 where fewer,
                                              and everywhere unless it is Townlet's network
    ``attributions``       float32 [T, A, 5]  gradient × input of the log-probability of the action taken, nats
    =====================  =================  =========================================================================
    """


def policy_outputs_of(who: OutputsOf, capture: Capture, world: int) -> PolicyOutputs:
    """Outputs of a policy or behaviour on one world of a capture.

    They are those of :func:`townlet.view.inspection.inspect_moment`, for many agent-steps at once.
    """
    recorded, buffer = capture.manifest, capture.buffer
    alive = buffer.alive[:, world]
    frames = _empty_frames(*alive.shape)
    rows = np.argwhere(alive)
    for part in np.split(rows, range(_BATCH, len(rows), _BATCH)):
        tick, person = part.T
        mask, action = buffer.mask[tick, world, person], buffer.action[tick, world, person]
        output = who(world, tick, person)
        each = np.arange(len(part))
        if output.value is None:
            frames.pop("value", None)
        else:
            frames["value"][tick, person] = output.value
        frames["taken_probability"][tick, person] = output.probabilities[each, action]
        actions, probabilities = _largest(np.where(mask, output.probabilities, -1.0), ACTIONS)
        frames["top_actions"][tick, person, : actions.shape[1]] = np.where(probabilities >= 0, actions, -1)
        frames["top_probabilities"][tick, person, : actions.shape[1]] = np.where(probabilities >= 0, probabilities, 0)
        if output.on_action is None:
            continue
        features, magnitudes = _largest(np.abs(output.on_action), FEATURES)
        attributions = np.take_along_axis(output.on_action, features, axis=1)
        frames["top_features"][tick, person, : features.shape[1]] = np.where(magnitudes > 0, features, -1)
        frames["attributions"][tick, person, : features.shape[1]] = np.where(magnitudes > 0, attributions, 0)
    used, frames["top_features"] = _renumbered(frames["top_features"])
    names = tuple((str(f["name"]), str(f["meaning"])) for f in (recorded.observation[index] for index in used))
    return PolicyOutputs(who.identity, who.acted_for, names, frames)


def _empty_frames(ticks: int, people: int) -> dict[str, NDArray[Any]]:
    return {
        "top_actions": np.full((ticks, people, ACTIONS), -1, np.int32),
        "top_probabilities": np.zeros((ticks, people, ACTIONS)),
        "taken_probability": np.zeros((ticks, people)),
        "value": np.zeros((ticks, people), np.float32),
        "top_features": np.full((ticks, people, FEATURES), -1, np.int32),
        "attributions": np.zeros((ticks, people, FEATURES), np.float32),
    }


def _largest(values: NDArray[Any], most: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Indices and values of the largest entries of each row, in descending order, ties by index."""
    indices = np.argsort(-values, axis=1, kind="stable")[:, :most]
    return indices, np.take_along_axis(values, indices, axis=1)


def _renumbered(features: NDArray[np.int32]) -> tuple[list[int], NDArray[np.int32]]:
    """The features that occur, and ``features`` with their indices into that list."""
    used = np.unique(features[features >= 0])
    return used.tolist(), np.where(features < 0, -1, np.searchsorted(used, features)).astype(np.int32)
