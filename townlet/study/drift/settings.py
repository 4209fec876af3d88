"""How much of everything the study of the drift detector simulates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Settings:
    """The size of a night's soak, and of the study.

    ``cycles`` per scenario and night, ``seeds`` of a baseline, and ``worlds`` per cycle and seed are what is
    recommended for real nights. ``pool`` independent cycles per scenario and variant are simulated, from which
    ``nights`` unchanged nights and ``planted_nights`` of each planted change are drawn. ``baselines`` baselines are
    each kept for ``nights_per_baseline`` nights. ``soak_cycles`` is the length of the real soak, per scenario, whose
    network metrics and resources the nights have; two of them warm up, and each further ``cycles`` are one independent
    look at the resources.
    """

    name: str
    scenarios: tuple[str, ...]
    nights: int
    planted_nights: int
    baselines: int
    nights_per_baseline: int
    pool: int
    planted_pool: int
    soak_cycles: int
    cycles: int = 100
    seeds: int = 30
    worlds: int = 256

    def drawn(self) -> dict[str, int]:
        """What a single night depends on: more nights are the same ones and others."""
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


#: Those that have a promoted baseline.
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
