"""Hidden states of a policy with a memory along a capture, whoever acted there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.own.selection import Selection
from townlet.capture import Capture

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

#: The states after choices, float32 [B, H], from observations [B, F], masks [B, N] and the states before, [B, H].
Advance = Callable[[Floats, NDArray[np.bool_], Floats], Floats]


class RecordedStates:
    """What a policy remembers in each tick of a capture: as if it had acted from the beginning of each episode.

    Where it did act, these are the states with which it chose. As when acting, a state advances in every tick of a
    person in town; of a policy that commits itself, where the record has a choice among several actions.
    """

    def __init__(
        self, capture: Capture, selection: Selection, units: int, advance: Advance | None, commits: bool
    ) -> None:
        self._buffer, self._selection, self._units = capture.buffer, selection, units
        self._advance, self._commits = advance, commits
        self._known: dict[int, Floats] = {}

    def before(self, world: int, tick: Indices, person: Indices) -> Floats | None:
        """The states before choices of a world, float32 [B, H]; None without a memory."""
        if not self._units:
            return None
        if world not in self._known:
            self._known = {world: self._along(world)}
        return self._known[world][tick, person]

    def _along(self, world: int) -> Floats:
        """The states of a world's people before the choices of each tick, float32 [T, A, H]."""
        buffer = self._buffer
        assert self._advance is not None
        alive, mask = buffer.alive[:, world], buffer.mask[:, world]
        ends = (buffer.terminated | buffer.truncated)[:, world]
        chooses = alive & (np.count_nonzero(mask, axis=-1) > 1) if self._commits else alive
        states = np.zeros((*alive.shape, self._units), np.float32)
        state = np.zeros(states.shape[1:], np.float32)
        for tick in range(len(alive)):
            states[tick] = state
            at = np.flatnonzero(chooses[tick])
            if len(at):
                observation = self._selection.of(buffer.observation[tick, world, at])
                state[at] = self._advance(np.ascontiguousarray(observation, np.float32), mask[tick, at], state[at])
            state[ends[tick]] = 0.0
        return states
