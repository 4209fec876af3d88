"""Amounts that the study of the drift detector simulates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class Size(NamedTuple):
    """Size of a scenario's cycles in the study."""

    worlds: int
    ticks: int | None = None
    """Ticks of an episode, and at most so many of a rollout that trains; the scenario's own if None."""


#: Scenarios and the size of their cycles. The towns are smaller than in a real night: their cycles would take hours.
SCENARIOS = {
    "queue_conflict": Size(256),
    "rivalry_decay": Size(256),
    "employment_punctuality": Size(256),
    "kitchen_breakfast": Size(256),
    "observation_baseline": Size(256),
    "town_day": Size(2, 200),
    "town_large": Size(1, 20),
}


@dataclass(frozen=True)
class Settings:
    """Amounts of one version of the study."""

    name: str
    scenarios: dict[str, Size]
    soaks: int
    """Unchanged soaks of each length."""
    planted_nights: int
    """Scheduled nights with each planted change."""
    pool: int
    """Independent cycles simulated per scenario, from which soaks are drawn."""
    planted_pool: int
    """The same per altered scenario that a whole night runs."""
    recorded: int
    """Cycles of the real soaks of each scenario, one that learns and one that does not, which give the network's
    metrics and the resources. Two of them warm up."""
    lengths: tuple[int, ...] = (16, 40, 100, 300)
    """Cycles of the unchanged soaks."""
    night: int = 300
    """Cycles of a scheduled night."""
    seeds: int = 30
    """Seeds of a baseline."""

    def drawn(self) -> dict[str, Any]:
        """The settings on which a single soak depends. The number of soaks is not among them."""
        left_out = ("name", "soaks", "planted_nights", "lengths")
        return {name: value for name, value in self.as_json().items() if name not in left_out}

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


FULL = Settings("full", SCENARIOS, soaks=6_000, planted_nights=150, pool=800, planted_pool=450, recorded=152)
QUICK = Settings(
    "quick",
    {"queue_conflict": Size(64), "rivalry_decay": Size(64)},
    soaks=60,
    planted_nights=8,
    pool=360,
    planted_pool=304,
    recorded=62,
)
#: The scenario in which changes of the rules are planted.
PLANTED_IN = "queue_conflict"
