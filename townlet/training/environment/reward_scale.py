"""Scale of the rewards that are learnt from: a constant, or the inverse of the returns' standard deviation so far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.rollout import RolloutBuffer

# Below this variance, rewards are taken for all the same.
_LEAST = 1e-8


class RewardScale:
    """A factor on rewards, fixed within a rollout.

    Without a ``constant`` it is 1 / the standard deviation of all discounted sums of past rewards, one per agent-step,
    the rollout's own included. This is the usual normalisation (``NormalizeReward`` in Gymnasium, ``VecNormalize`` in
    Stable-Baselines3), except that the factor moves between rollouts alone.
    """

    def __init__(self, constant: float | None, gamma: float, worlds: int, agents: int) -> None:
        self.constant, self.gamma = constant, gamma
        #: float64 [3]: the number of sums so far, their mean, and the sum of their squared distances from it.
        self.moments = np.zeros(3, np.float64)
        #: float64 [W, A]: the discounted sum of each agent's rewards so far.
        self.earned = np.zeros((worlds, agents), np.float64)

    def apply(self, buffer: RolloutBuffer) -> float:
        """Scale a rollout's rewards in place; return the factor."""
        if self.constant is None:
            self._observe(buffer)
            count, _, squares = self.moments
            factor = 1.0 / np.sqrt(max(squares / count, _LEAST))
        else:
            factor = self.constant
        buffer.reward *= np.float32(factor)
        return float(factor)

    def _observe(self, buffer: RolloutBuffer) -> None:
        sums: NDArray[np.float64] = np.empty(buffer.reward.shape, np.float64)
        ended = buffer.terminated | buffer.truncated
        for t in range(buffer.ticks):
            self.earned *= self.gamma
            self.earned += buffer.reward[t]
            sums[t] = self.earned
            self.earned[ended[t] | ~buffer.alive[t]] = 0.0
        lived = sums[buffer.alive]
        # Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance".
        count, mean, squares = self.moments
        new, total = len(lived), count + len(lived)
        apart = lived.mean() - mean
        self.moments[:] = (
            total,
            mean + apart * new / total,
            squares + ((lived - lived.mean()) ** 2).sum() + apart**2 * count * new / total,
        )
