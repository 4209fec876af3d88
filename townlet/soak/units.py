"""Units in which people read a soak's metrics: bytes as kB or MB, shares in per cent, all others as they are."""

from __future__ import annotations

from dataclasses import dataclass

from townlet.metrics import MEMORY, METRICS
from townlet.telemetry.formatting import number


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit for people, and how many of a metric's own unit it holds."""

    name: str
    size: float = 1.0

    def shown(self, value: float) -> str:
        """A value of the metric in this unit."""
        return f"{number(value / self.size)}{self._suffix}"

    @property
    def _suffix(self) -> str:
        return f"\N{NO-BREAK SPACE}{self.name}" if self.size != 1.0 else ""


def unit_of(name: str) -> Unit:
    """The unit in which a metric is shown; one unit for each metric, so that its values can be compared."""
    unit = METRICS[name].unit if name in METRICS else ""
    if name == MEMORY:
        return Unit("MB", 1e6)
    if unit == "bytes":
        return Unit("kB", 1e3)
    if unit.startswith("share of"):
        return Unit("%", 0.01)
    return Unit(unit)


def amount(name: str, value: float) -> str:
    """A metric's value for display, with its unit if it is not the metric's own: ``604.2 MB``, ``12.5 %``, ``0.31``."""
    return unit_of(name).shown(value)
