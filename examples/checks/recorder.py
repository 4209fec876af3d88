"""PettingZoo environment that keeps what happens in its town: the truth that a library's data are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
from batch_truth import Truth

from townlet.envs.slots import SlotParallelEnv


class Recorder(SlotParallelEnv):
    """A town whose agents are places, which keeps every tick."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ticks: list[tuple[Any, ...]] = []

    def step(self, actions: dict[str, Any]) -> tuple[Any, ...]:
        """One tick."""
        town = self.town
        before = town.observation[0].copy(), town.mask[0].copy(), town.alive[0].copy()
        results = super().step(actions)
        reward, terminated, truncated = (np.array([part[slot] for slot in self.slots]) for part in results[1:4])
        final = town.observation[0] * (terminated | truncated)[:, None]
        self.ticks.append((*before, reward, terminated, truncated, final))
        return results

    def truth(self) -> Truth:
        """Everything that happened, with a row for each place."""
        return Truth(*(np.stack(column) for column in zip(*self.ticks, strict=True)))
