"""A placebo: people pay the conflict penalties of the previous rollout, at drawn ticks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior
from townlet.config import Scenario
from townlet.rollout import RolloutBuffer
from townlet.seeds import fold_seed
from townlet.study.conflict.shaping import CONFLICT_PARTS, add_to_reward
from townlet.training.towns_loop import TownsLoop

# Stream of the draw of ticks; townlet.training.towns_loop has others.
_STREAM = 5 << 60


class LatePenaltiesLoop(TownsLoop):
    """A loop over drawn towns in which penalties are as large, but carry no information about what people did.

    What the people of a world owe is paid in the next rollout by those in the same slots, at drawn ticks. Penalties due
    in an empty slot are lost.
    """

    def __init__(self, scenario: Scenario, *, seed: int) -> None:
        super().__init__(scenario, seed=seed)
        self._owed: NDArray[np.float32] | None = None

    def collect(self, buffer: RolloutBuffer, behavior: Behavior) -> None:
        """Fill the buffer as usual, then replace the penalties by those of the previous rollout."""
        key = np.array([fold_seed(self.seed), _STREAM + self.rollouts], np.uint64)
        super().collect(buffer, behavior)
        own = buffer.reward_parts[..., CONFLICT_PARTS].copy()
        draws = np.random.Generator(np.random.Philox(key=key))
        owed = np.zeros_like(own) if self._owed is None else draws.permuted(self._owed, axis=0)
        paid = np.where(buffer.alive[..., None], owed, np.float32(0.0))
        buffer.reward_parts[..., CONFLICT_PARTS] = paid
        add_to_reward(buffer.reward, (paid - own).sum(axis=-1), self.scenario.rules.reward.clip)
        self._owed = own
