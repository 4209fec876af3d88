"""What every behaviour is: something that chooses an action for everybody, and knows how likely it was."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from townlet.world import Town


class Behavior(Protocol):
    """A behaviour policy."""

    @property
    def name(self) -> str:
        """How manifests call it: ``scripted``, ``random``, ``heuristic``, ``neural``."""

    @property
    def deterministic(self) -> bool:
        """Whether it always chooses the same action in the same state; the log-probability is then 0."""

    def act(
        self,
        town: Town,
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody, in place.

        ``action`` int32 [W, A]; ``log_prob`` float32 [W, A], ln of the probability with which this policy chose it;
        ``value`` float32 [W, A], its estimate of the return, NaN if it makes none.
        """
