"""Simulated nights, drawn from pools of real cycles and from a real soak, and assessed by the detector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from townlet.soak.assessment import Assessment
from townlet.soak.drift_detection import ALARM_RATE, REFERENCE, detect_drift
from townlet.soak.next_steps import Decision
from townlet.soak.resource_drift import RESOURCES
from townlet.soak.verdict import decide
from townlet.study.drift.cycle_pools import CyclePool
from townlet.study.drift.planted_changes import PlantedChange

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RecordedSoak:
    """Network metrics and resources of a real soak with learning off, in which nothing changed; float64 [K] each."""

    network: Mapping[str, Floats]
    resources: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(next(iter(self.network.values())))


@dataclass(frozen=True)
class Outcome:
    """The detector's verdict on one soak of one night; ``metrics`` are those that it flagged (watch or alert)."""

    verdict: Decision
    metrics: tuple[str, ...]
    tests: int

    def resources(self) -> tuple[str, ...]:
        """The flagged metrics that are resources: measured, not computed."""
        measured = {resource.name for resource in RESOURCES}
        return tuple(name for name in self.metrics if name in measured)


class NightSampler:
    """Draws soaks of one scenario.

    A soak's cycles and its baseline's seeds are drawn without replacement from the scenario's pool, and the network's
    cycles from the recorded soak: cycles have fresh seeds, so their order means nothing. For resources the order
    matters, so they are a contiguous stretch of the recorded soak.
    """

    def __init__(self, pools: Mapping[str, CyclePool], recorded: RecordedSoak, cycles: int, seeds: int) -> None:
        self.pools, self.recorded, self.cycles, self.seeds = pools, recorded, cycles, seeds

    def digest(self) -> str:
        """SHA-256 in hexadecimal over every value that a night may be drawn from."""
        whole = sha256()
        for name, values in self._drawn_from():
            whole.update(f"{name} {len(values)}\0".encode() + values.tobytes())
        return whole.hexdigest()

    def _drawn_from(self) -> Iterator[tuple[str, Floats]]:
        parts = {f"pool {label}": pool.values for label, pool in self.pools.items()}
        parts |= {"network": dict(self.recorded.network), "resources": dict(self.recorded.resources)}
        for part in sorted(parts):
            for name in sorted(parts[part]):
                yield f"{part}: {name}", parts[part][name]

    def stretches(self) -> range:
        """First cycles of the non-overlapping stretches of the recorded soak, each a night long."""
        return range(0, len(self.recorded) - self.cycles + 1, self.cycles)

    def baseline(self, random: np.random.Generator) -> tuple[dict[str, Floats], NDArray[np.int64]]:
        """A baseline, and the rows of the pool that it consists of."""
        rows = random.choice(len(self.pools[""]), self.seeds, replace=False)
        return self.pools[""].select(rows), rows

    def simulate(
        self,
        random: np.random.Generator,
        change: PlantedChange | None = None,
        baseline: tuple[dict[str, Floats], NDArray[np.int64]] | None = None,
        stretch: int | None = None,
    ) -> Outcome:
        """Outcome of one night's soak, with a planted change or without, against its own baseline or a given one.

        ``stretch`` is the recorded cycle with which its resources begin; without it, one is drawn.
        """
        reference, taken = baseline or self.baseline(random)
        cycles = self._reference(random, change, taken) | self._network(random)
        if stretch is None:
            stretch = int(random.integers(len(self.recorded) - self.cycles + 1))
        resources = self._resources(stretch, change)
        return outcome_of(detect_drift(cycles, reference, learning=False, resources=resources, rate=ALARM_RATE))

    def _reference(
        self, random: np.random.Generator, change: PlantedChange | None, taken: NDArray[np.int64]
    ) -> dict[str, Floats]:
        pool = self.pools[""]
        left = np.setdiff1d(np.arange(len(pool)), taken)
        values = pool.select(random.choice(left, self.cycles, replace=False))
        if change:
            variants = [change.variant(cycle, self.cycles) for cycle in range(self.cycles)]
            for name in sorted(set(variants) - {""}):
                where = np.array([variant == name for variant in variants])
                other = self.pools[name]
                drawn = other.select(random.choice(len(other), int(where.sum()), replace=False))
                for metric, series in values.items():
                    series[where] = drawn[metric]
        return {REFERENCE + name: series for name, series in values.items()}

    def _network(self, random: np.random.Generator) -> dict[str, Floats]:
        rows = random.choice(len(self.recorded), self.cycles, replace=False)
        return {name: series[rows] for name, series in self.recorded.network.items()}

    def _resources(self, begin: int, change: PlantedChange | None) -> dict[str, Floats]:
        known = {resource.name for resource in RESOURCES}
        drawn = {
            name: series[begin : begin + self.cycles].copy()
            for name, series in self.recorded.resources.items()
            if name in known
        }
        if change and change.resource:
            drawn[change.metric] = change.resource(drawn[change.metric])
        return drawn


def outcome_of(assessment: Assessment) -> Outcome:
    """The part of an assessment that the study counts."""
    flagged = tuple(metric.name for metric in (*assessment.of("alert"), *assessment.of("watch")))
    return Outcome(decide(assessment).decision, flagged, assessment.tests)
