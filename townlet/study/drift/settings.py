"""Amounts that the study of the drift detector simulates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Settings:
    """Amounts of one version of the study; ``cycles``, ``seeds`` and ``worlds`` are as recommended for real nights."""

    name: str
    scenarios: tuple[str, ...]
    nights: int
    """Unchanged nights, each with a soak of every scenario."""
    planted_nights: int
    """Nights with each planted change."""
    baselines: int
    """Baselines that are each kept for several nights."""
    nights_per_baseline: int
    pool: int
    """Independent cycles simulated per scenario, from which nights are drawn."""
    planted_pool: int
    """The same per altered scenario."""
    soak_cycles: int
    """Cycles of the real soak of each scenario, which gives the nights their network metrics and resources. Two of them
    warm up; every further ``cycles`` are one independent sample of the resources."""
    cycles: int = 100
    """Cycles of a night's soak."""
    seeds: int = 30
    """Seeds of a baseline."""
    worlds: int = 256
    """Worlds per cycle and seed."""

    def drawn(self) -> dict[str, int]:
        """The settings on which a single night depends. The number of nights is not among them."""
        return {
            "pool": self.pool,
            "planted_pool": self.planted_pool,
            "soak_cycles": self.soak_cycles,
            "cycles": self.cycles,
            "seeds": self.seeds,
            "worlds": self.worlds,
        }

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


#: Scenarios with a promoted baseline.
_DRILLS = (
    "queue_conflict",
    "rivalry_decay",
    "employment_punctuality",
    "kitchen_breakfast",
    "observation_baseline",
)
FULL = Settings("full", _DRILLS, 600, 150, 15, 40, 2000, 800, 602)
QUICK = Settings("quick", _DRILLS, 100, 40, 5, 20, 400, 200, 202)
#: The scenario in which changes are planted.
PLANTED_IN = "queue_conflict"
