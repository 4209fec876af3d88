"""What a policy thought of everybody in one world of a capture, tick by tick."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.capture import Capture
from townlet.files.storage import AnyPath

#: How many actions, and how many features, are kept of each agent-step.
ACTIONS, FEATURES = 4, 5

#: Agent-steps that the network is asked about at once.
_AT_ONCE = 8192


class Mind(NamedTuple):
    """The opinions of a policy over ``T`` ticks of ``A`` people; where nobody is in town, nothing: −1 and 0."""

    policy_sha256: str
    acted: bool
    """Whether it chose the actions; if not, these are its opinions of somebody else's choices."""
    features: tuple[tuple[str, str], ...]
    """Name and meaning of every feature that mattered anywhere."""
    frames: dict[str, NDArray[Any]]
    """By name:

    ===============  =================  ====================================================================
    ``likely``       int32 [T, A, 4]    legal actions, the likeliest first; −1 where there are fewer
    ``chance``       float64 [T, A, 4]  their probabilities
    ``taken``        float64 [T, A]     probability of the action taken
    ``opinion``      float32 [T, A]     value estimate
    ``moved``        int32 [T, A, 5]    numbers in ``features``, by weight on the action taken; −1 where fewer
    ``share``        float32 [T, A, 5]  gradient × input of its log-probability, nats
    ===============  =================  ====================================================================
    """


def mind_of(policy: AnyPath, capture: Capture, world: int) -> Mind:
    """What the policy in a folder or ``policy.json`` makes of one world of a capture.

    It is asked as :func:`townlet.view.inspection.inspect_moment` asks it, about many agent-steps at once. Raises
    InputError for a policy that is damaged or was made for other observations or actions.
    """
    from townlet.behavior.policy_file import load_policy
    from townlet.view.inspection import opinion_on

    recorded, buffer = capture.manifest, capture.buffer
    network, card = load_policy(policy, observation=recorded.observation, actions=recorded.actions)
    alive = buffer.alive[:, world]
    frames = _nothing(*alive.shape)
    rows = np.argwhere(alive)
    for part in np.split(rows, range(_AT_ONCE, len(rows), _AT_ONCE)):
        tick, person = part.T
        observation, mask, action = (
            getattr(buffer, name)[tick, world, person] for name in ("observation", "mask", "action")
        )
        opinion = opinion_on(network, observation, mask, action)
        each = np.arange(len(part))
        frames["opinion"][tick, person] = opinion.value
        frames["taken"][tick, person] = opinion.probabilities[each, action]
        likely, chance = _largest(np.where(mask, opinion.probabilities, -1.0), ACTIONS)
        _fill(frames, ("likely", "chance"), tick, person, likely, chance, chance >= 0)
        moved, weight = _largest(np.abs(opinion.on_action), FEATURES)
        share = np.take_along_axis(opinion.on_action, moved, axis=1)
        _fill(frames, ("moved", "share"), tick, person, moved, share, weight > 0)
    used, frames["moved"] = _renumbered(frames["moved"])
    names = tuple((str(f["name"]), str(f["meaning"])) for f in (recorded.observation[index] for index in used))
    return Mind(card.sha256, recorded.behavior.policy_sha256 == card.sha256, names, frames)


def _nothing(ticks: int, people: int) -> dict[str, NDArray[Any]]:
    return {
        "likely": np.full((ticks, people, ACTIONS), -1, np.int32),
        "chance": np.zeros((ticks, people, ACTIONS)),
        "taken": np.zeros((ticks, people)),
        "opinion": np.zeros((ticks, people), np.float32),
        "moved": np.full((ticks, people, FEATURES), -1, np.int32),
        "share": np.zeros((ticks, people, FEATURES), np.float32),
    }


def _largest(values: NDArray[Any], most: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Places and values of the largest in each row, in order, equal ones by place."""
    places = np.argsort(-values, axis=1, kind="stable")[:, :most]
    return places, np.take_along_axis(values, places, axis=1)


def _fill(
    frames: dict[str, NDArray[Any]],
    names: tuple[str, str],
    tick: NDArray[np.int64],
    person: NDArray[np.int64],
    places: NDArray[np.int64],
    values: NDArray[Any],
    valid: NDArray[np.bool_],
) -> None:
    """Note places with their values, as many as there are, and nothing where they are not valid."""
    width = places.shape[1]
    frames[names[0]][tick, person, :width] = np.where(valid, places, -1)
    frames[names[1]][tick, person, :width] = np.where(valid, values, 0)


def _renumbered(moved: NDArray[np.int32]) -> tuple[list[int], NDArray[np.int32]]:
    """The features that occur, and the same with their numbers among those."""
    used = np.unique(moved[moved >= 0])
    return used.tolist(), np.where(moved < 0, -1, np.searchsorted(used, moved)).astype(np.int32)
