"""History of an episode: the actions of all agents since its reset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class History:
    """Actions since a reset, in memory that grows by doubling."""

    def __init__(self, agents: int) -> None:
        self._actions = np.zeros((64, agents), np.int32)
        self._count = 0

    @property
    def actions(self) -> NDArray[np.int32]:
        """int32 [steps, A], a view that is valid until the next change."""
        return self._actions[: self._count]

    def append(self, action: NDArray[np.int32]) -> None:
        """Add a step's actions, int32 [A]."""
        if self._count == len(self._actions):
            self._actions = np.concatenate([self._actions, np.zeros_like(self._actions)])
        self._actions[self._count] = action
        self._count += 1

    def clear(self) -> None:
        """Forget everything."""
        self._count = 0
