"""Progress of a soak: cycles done, the time left, and the metric that is farthest from the baseline so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from townlet.baselines.baseline import Baseline
from townlet.metrics import METRICS
from townlet.soak.drift_detection import REFERENCE

#: Two means of a metric that never varies are equal within this share: sums of equal numbers are rounded.
_EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Farthest:
    """The metric of the baseline's behaviour whose mean so far is farthest from the baseline's mean."""

    metric: str
    deviations: float
    """The distance in standard deviations of the mean so far, by the spread of the baseline's seeds: chance alone gives
    the farthest of a few metrics 1 to 3. Infinite for a metric that changed and never varies in the baseline."""

    def __str__(self) -> str:
        name = METRICS[self.metric].label if self.metric in METRICS else self.metric.replace("_", " ")
        side = "above" if self.deviations > 0.0 else "below"
        if math.isinf(self.deviations):
            return f"{name} {side} the baseline, where it never varies"
        return f"{name} {abs(self.deviations):.1f} sd {side} the baseline"


class Distances:
    """Running means of a soak's reference metrics, and their distances from a baseline.

    A row takes a few microseconds, however many came before it.
    """

    def __init__(self, baseline: Baseline) -> None:
        self._expected = {name: (metric.mean, metric.sd, metric.n) for name, metric in baseline.metrics.items()}
        self._sums = dict.fromkeys(self._expected, 0.0)
        self._rows = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Take in the row of one more cycle. A metric that it lacks is left out from then on."""
        self._rows += 1
        self._sums = {
            name: total + row[REFERENCE + name] for name, total in self._sums.items() if REFERENCE + name in row
        }

    def farthest(self) -> Farthest | None:
        """The metric with the largest distance; None before the first row, and for a baseline without metrics."""
        if not self._rows:
            return None
        distances = [Farthest(name, self._distance(name)) for name in self._sums]
        return max(distances, key=lambda found: abs(found.deviations), default=None)

    def _distance(self, name: str) -> float:
        mean, sd, seeds = self._expected[name]
        change = self._sums[name] / self._rows - mean
        if abs(change) <= _EQUAL * abs(mean):
            return 0.0
        # The baseline's mean is itself the mean of a sample.
        error = sd * math.sqrt(1.0 / self._rows + 1.0 / seeds)
        return change / error if error else math.copysign(math.inf, change)


def farthest_metric(rows: Iterable[Mapping[str, Any]], baseline: Baseline) -> Farthest | None:
    """The metric that is farthest from a baseline in the rows of ``cycles.jsonl``; None if there is no row."""
    distances = Distances(baseline)
    for row in rows:
        distances.add(row)
    return distances.farthest()


@dataclass(frozen=True, slots=True)
class SoakProgress:
    """Where a soak stands after a cycle."""

    done: int
    """Cycles done, over all processes of the soak."""
    planned: int | None
    """Cycles planned; None if only hours are."""
    seconds_left: float | None
    """About how many seconds of work are left; None while nothing tells."""
    farthest: Farthest | None
    row: Mapping[str, Any]
    """The cycle's row in ``cycles.jsonl``."""

    def __str__(self) -> str:
        of = f" of {self.planned:,}" if self.planned is not None else ""
        left = f", {_duration(self.seconds_left)} left" if self.seconds_left is not None else ""
        return f"cycle {self.done:,}{of}{left}" + (f", farthest: {self.farthest}" if self.farthest else "")


#: Called after each cycle.
Progress = Callable[[SoakProgress], None]


class ProgressTracker:
    """The progress of one process's part of a soak.

    Args:
        baseline: of the soak.
        cycles: number of cycles planned; None if only hours are.
        hours: hours of work planned; None if only cycles are.
        rows: of the cycles that earlier processes did.
    """

    def __init__(
        self, baseline: Baseline, *, cycles: int | None, hours: float | None, rows: Iterable[Mapping[str, Any]]
    ) -> None:
        self._cycles, self._hours = cycles, hours
        self._distances = Distances(baseline)
        self._cycle = 0
        self._seconds = 0.0
        for row in rows:
            self._distances.add(row)

    def after(self, done: int, row: Mapping[str, Any], *, seconds: float, total: float) -> SoakProgress:
        """Where the soak stands after ``done`` cycles: the last took ``seconds``, all of them ``total``."""
        self._distances.add(row)
        self._cycle += 1
        # A process's first cycle also compiles and allocates.
        if self._cycle > 1:
            self._seconds += seconds
        return SoakProgress(done, self._cycles, self._left(done, total), self._distances.farthest(), row)

    def _left(self, done: int, total: float) -> float | None:
        left = [] if self._hours is None else [max(self._hours * 3600.0 - total, 0.0)]
        if self._cycles is not None:
            if self._cycle == 1:
                return None
            left.append((self._cycles - done) * self._seconds / (self._cycle - 1))
        return min(left)


def _duration(seconds: float) -> str:
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    minutes = seconds / 60.0
    return f"{minutes:.0f} min" if minutes < 90.0 else f"{minutes / 60.0:.1f} h"
