"""Places of agents in a world: views of one world's rows, which an environment's results are written into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.training.environment.failure import EnvironmentFailed
from townlet.training.environment.spaces import Actions, Observations


@dataclass(frozen=True)
class Places:
    """The rows of one world's agents, A of them."""

    observation: NDArray[np.float32]
    """float32 [A, F]"""
    mask: NDArray[np.bool_]
    """bool [A, N]; in an empty place, the first action alone."""
    alive: NDArray[np.bool_]
    """bool [A]: whether an agent is in the place."""
    reward: NDArray[np.float32]
    """float32 [A]"""
    terminated: NDArray[np.bool_]
    """bool [A]"""
    truncated: NDArray[np.bool_]
    """bool [A]; an agent that is terminated is not truncated, since nothing lies beyond its end."""

    def show(
        self,
        place: int,
        seen: Any,
        info: Mapping[str, Any],
        observations: Observations,
        actions: Actions,
        *,
        present: bool = True,
        forced: bool = False,
    ) -> None:
        """Write what an agent observes and may do.

        ``present`` is False for the last observation of an agent that has left. An agent that is ``forced`` has no
        choice, as one that is not on turn.

        Raises ValueError for an observation or a mask of another shape than the space's, and EnvironmentFailed if
        nothing is allowed.
        """
        observations.write(self.observation[place], seen)
        self.alive[place] = present
        if not present or forced:
            self.mask[place] = False
            self.mask[place, 0] = True
            return
        actions.write_mask(self.mask[place], observations.mask_in(seen, info))
        if not self.mask[place].any():
            raise EnvironmentFailed.of("action_mask", "no legal action", "at least one for an agent that is to act")

    def clear(self, place: int) -> None:
        """Leave a place empty."""
        self.observation[place] = 0.0
        self.mask[place] = False
        self.mask[place, 0] = True
        self.alive[place] = False
