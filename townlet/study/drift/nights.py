"""Simulated soaks, drawn from pools of real cycles and from real soaks, and assessed by the detector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from townlet.metrics import MEMORY, SPEED
from townlet.soak.assessment import Assessment
from townlet.soak.drift_detection import ALARM_RATE, REFERENCE, detect_drift
from townlet.soak.next_steps import Decision
from townlet.soak.resource_drift import RESOURCES
from townlet.soak.resources import WARM_UP
from townlet.soak.verdict import decide
from townlet.study.drift.cycle_pools import CyclePool
from townlet.study.drift.planted_changes import PlantedChange

Floats = NDArray[np.float64]

#: Autocorrelations of the noise that replaces recorded memory and speed, and its standard deviation, as a share of
#: their level.
AUTOCORRELATIONS, NOISE = (0.0, 0.5, 0.8, 0.9, 0.95), 0.05
#: Cycles of a block of a recording: for soaks longer than the recording, blocks are drawn.
_BLOCK = 50


@dataclass(frozen=True)
class RecordedSoak:
    """Network metrics and resources of a real soak in which nothing changed, float64 [K] each, and its pace."""

    network: Mapping[str, Floats]
    resources: Mapping[str, Floats]
    seconds: float
    """Median seconds of a cycle."""
    reference_worlds: int
    """Worlds of the reference's rollout in a cycle."""
    network_worlds: int
    """Worlds of the network's rollout in a cycle."""

    def __len__(self) -> int:
        return len(next(iter(self.resources.values())))


@dataclass(frozen=True)
class Outcome:
    """The detector's verdict on one soak."""

    verdict: Decision
    metrics: tuple[str, ...]
    """Metrics that it flagged (watch or alert)."""
    untold: tuple[str, ...]
    """Resources about which it said that there is not enough data."""


@dataclass(frozen=True)
class Kind:
    """What a simulated soak is like."""

    learning: bool
    autocorrelation: float | None
    """That of the noise in memory and speed; None for recorded resources."""

    @property
    def label(self) -> str:
        """A name for the cache and the report."""
        resources = "recorded" if self.autocorrelation is None else f"r {self.autocorrelation}"
        return f"{'learning' if self.learning else 'frozen'}, {resources}"


#: Kinds of unchanged soaks, in turn: of half the resources are recorded, of the others noise of each autocorrelation.
KINDS = tuple(Kind(learning, noise) for r in AUTOCORRELATIONS for noise in (None, r) for learning in (False, True))


class NightSampler:
    """Draws soaks of one scenario.

    A soak's cycles and its baseline's seeds are drawn without replacement from the scenario's pool, and the cycles of a
    network that does not learn from the recorded soak: they have fresh seeds, so their order means nothing. Metrics of
    a network that learns never raise an alarm and are left out. For resources the order matters, so they are a stretch
    of the recorded soak, or blocks of it, or autoregressive noise.
    """

    def __init__(self, pools: Mapping[str, CyclePool], recorded: Mapping[bool, RecordedSoak], seeds: int) -> None:
        self.pools, self.recorded, self.seeds = pools, recorded, seeds

    def digest(self) -> str:
        """SHA-256 in hexadecimal over every value that a soak may be drawn from."""
        whole = sha256()
        for name, values in self._drawn_from():
            whole.update(f"{name} {len(values)}\0".encode() + values.tobytes())
        return whole.hexdigest()

    def _drawn_from(self) -> Iterator[tuple[str, Floats]]:
        parts: dict[str, Mapping[str, Floats]] = {f"pool {label}": pool.values for label, pool in self.pools.items()}
        for learning, soak in self.recorded.items():
            parts |= {f"network {learning}": soak.network, f"resources {learning}": soak.resources}
        for part in sorted(parts):
            for name in sorted(parts[part]):
                yield f"{part}: {name}", parts[part][name]

    def simulate(
        self, random: np.random.Generator, cycles: int, kind: Kind, change: PlantedChange | None = None
    ) -> Outcome:
        """Outcome of one soak of ``cycles`` cycles, with a planted change or without, against its own baseline."""
        pool = self.pools[""]
        drawn = random.choice(len(pool), self.seeds + cycles, replace=False)
        baseline, reference = pool.select(drawn[: self.seeds]), pool.select(drawn[self.seeds :])
        if change:
            self._plant(random, reference, change)
        metrics = {REFERENCE + name: series for name, series in reference.items()}
        if not kind.learning:
            rows = random.choice(len(self.recorded[False]), cycles)
            metrics |= {name: series[rows] for name, series in self.recorded[False].network.items()}
        resources = self._resources(random, cycles, kind)
        if change and change.resource:
            resources[change.metric] = change.resource(resources[change.metric])
        soak = self.recorded[kind.learning]
        assessment = detect_drift(
            metrics,
            baseline,
            learning=kind.learning,
            resources=resources,
            reference_worlds=soak.reference_worlds,
            network_worlds=soak.network_worlds,
            rate=ALARM_RATE,
        )
        return outcome_of(assessment)

    def _plant(self, random: np.random.Generator, values: dict[str, Floats], change: PlantedChange) -> None:
        """Replace the cycles that a changed scenario runs by cycles of that scenario."""
        cycles = len(next(iter(values.values())))
        variants = [change.variant(cycle, cycles) for cycle in range(cycles)]
        for name in sorted(set(variants) - {""}):
            where, other = np.array([variant == name for variant in variants]), self.pools[name]
            drawn = other.select(random.choice(len(other), int(where.sum()), replace=False))
            for metric, series in values.items():
                series[where] = drawn[metric]

    def _resources(self, random: np.random.Generator, cycles: int, kind: Kind) -> dict[str, Floats]:
        """Resources of a soak, NaN while it warms up."""
        soak = self.recorded[kind.learning]
        places = _places(random, len(soak), cycles)
        drawn = {one.name: soak.resources[one.name][places] for one in RESOURCES}
        if kind.autocorrelation is not None:
            for name in (MEMORY, SPEED):
                level = float(np.median(soak.resources[name]))
                drawn[name] = level * (1 + NOISE * autoregressive(random, cycles, kind.autocorrelation))
        for values in drawn.values():
            values[:WARM_UP] = np.nan
        return drawn


def _places(random: np.random.Generator, recorded: int, cycles: int) -> NDArray[np.int64]:
    """Cycles of the recording, int64 [cycles]: one stretch, or if it is too short, blocks drawn at random."""
    length = cycles if cycles <= recorded else min(_BLOCK, recorded)
    begins = random.integers(recorded - length + 1, size=-(-cycles // length))
    return np.asarray((begins[:, None] + np.arange(length)).ravel()[:cycles])


def autoregressive(random: np.random.Generator, amount: int, r: float) -> Floats:
    """Stationary noise, float64 [amount], autoregressive of order 1, with mean 0 and variance 1."""
    steps = random.normal(0.0, np.sqrt(1 - r * r), amount)
    values = np.empty(amount)
    values[0] = random.normal()
    for index in range(1, amount):
        values[index] = r * values[index - 1] + steps[index]
    return values


def outcome_of(assessment: Assessment) -> Outcome:
    """The part of an assessment that the study counts."""
    flagged = tuple(metric.name for metric in (*assessment.of("alert"), *assessment.of("watch")))
    untold = tuple(metric.name for metric in assessment.of("not enough data") if metric.role == "resource")
    return Outcome(decide(assessment).decision, flagged, untold)
