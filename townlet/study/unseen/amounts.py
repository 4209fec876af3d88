"""Amounts of one training, the same for every learning arm."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Amounts:
    """Amounts of one training. A change gives trainings another name, so they are made again."""

    cycles: int
    """Rollouts of one training."""
    worlds: int
    """Worlds of one rollout."""
    rollout_ticks: int
    """Ticks of one rollout."""

    @property
    def world_ticks(self) -> int:
        """Ticks of all worlds in all rollouts; each gives one agent-step for everybody who is in town."""
        return self.cycles * self.worlds * self.rollout_ticks


#: AMOUNT: those of the protocol, and those of the quick version.
FULL_AMOUNTS = Amounts(cycles=100, worlds=32, rollout_ticks=250)
QUICK_AMOUNTS = Amounts(cycles=4, worlds=8, rollout_ticks=250)
