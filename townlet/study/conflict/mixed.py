"""Mixed populations: some of the people follow another behaviour than the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior
from townlet.rollout import aligned_zeros
from townlet.world import Town


class MixedBehavior:
    """Some people, the ``strangers``, follow one behaviour, all others another."""

    name = "mixed"

    def __init__(self, usual: Behavior, other: Behavior, strangers: Sequence[int]) -> None:
        self._usual, self._other, self._strangers = usual, other, list(strangers)
        self.deterministic = usual.deterministic and other.deterministic

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
        self._usual.act(town, action, log_prob, value)
        for mine, theirs in ((action, others[0]), (log_prob, others[1]), (value, others_value)):
            mine[:, self._strangers] = theirs[:, self._strangers]
