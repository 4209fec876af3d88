"""Mixed populations: focal people follow one behaviour, background people another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior
from townlet.rollout import aligned_zeros
from townlet.world import Town


class MixedBehavior:
    """One behaviour for the focal people, and another for the people whose indices are in ``background``."""

    name = "mixed"

    def __init__(self, focal: Behavior, other: Behavior, *, background: Sequence[int]) -> None:
        self._focal, self._other, self._background = focal, other, list(background)
        self.deterministic = focal.deterministic and other.deterministic

    def act(
        self,
        town: Town,
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody; see :class:`townlet.behavior.base.Behavior`."""
        others = aligned_zeros(action.shape, np.int32), aligned_zeros(value.shape, np.float32)
        others_value = aligned_zeros(value.shape, np.float32)
        self._other.act(town, others[0], others[1], others_value)
        self._focal.act(town, action, log_prob, value)
        for own, other in ((action, others[0]), (log_prob, others[1]), (value, others_value)):
            own[:, self._background] = other[:, self._background]


def spread_out(people: int, count: int) -> list[int]:
    """Indices of ``count`` of the people, evenly spaced, so that they live and work among the others."""
    return list(range(people))[1 :: max(people // count, 1)][:count]
