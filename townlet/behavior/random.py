"""The random behaviour: uniformly drawn legal actions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from townlet.world import Town
from townlet.world.engine.compile import entry


class RandomBehavior:
    """Chooses each legal action with equal probability; draws come from the policy stream."""

    name = "random"
    deterministic = False

    def act(
        self,
        town: Town,
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody; see :meth:`townlet.behavior.base.Behavior.act`."""
        choose_uniformly(town.mask, town.policy_draws(), action, log_prob)
        value[:] = math.nan


@entry
def choose_uniformly(mask: np.ndarray, draws: np.ndarray, action: np.ndarray, log_prob: np.ndarray) -> None:
    """Choose the ``floor(draw × legal)``-th of each person's legal actions, with log-probability ln(1 / legal).

    ``mask`` is bool [W, A, N]; ``draws`` float64, ``action`` int32 and ``log_prob`` float32 are [W, A].
    """
    for w in range(mask.shape[0]):
        for a in range(mask.shape[1]):
            legal = 0
            for n in range(mask.shape[2]):
                legal += mask[w, a, n]
            skip = int(draws[w, a] * legal)
            log_prob[w, a] = -math.log(legal)
            for n in range(mask.shape[2]):
                if mask[w, a, n]:
                    if skip == 0:
                        action[w, a] = n
                        break
                    skip -= 1
