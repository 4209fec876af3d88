"""Amounts of one training, the same for every learning arm."""

from __future__ import annotations

from dataclasses import dataclass

from townlet.config.drawn.common import DAY


@dataclass(frozen=True)
class Amounts:
    """Amounts of one training. A change gives trainings another name, so they are made again."""

    cycles: int
    """Rollouts of one training, each a whole day."""
    towns: int
    """Towns of one rollout."""
    worlds: int
    """Worlds of one town."""
    stay: int = 4
    """Rollouts for which a town stays before another is drawn in its place."""
    imitation: int = 8
    """Of the rollouts, those at the beginning that imitate the heuristic."""

    @property
    def world_ticks(self) -> int:
        """Ticks of all worlds in all rollouts; each gives one agent-step for everybody who is in town."""
        return self.cycles * self.towns * self.worlds * DAY


#: Those of the protocol, and those of the quick version.
FULL_AMOUNTS = Amounts(cycles=150, towns=8, worlds=8)
QUICK_AMOUNTS = Amounts(cycles=6, towns=2, worlds=2, imitation=3)
