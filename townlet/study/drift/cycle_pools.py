"""Pools of independent cycles: measured rollouts of the town, from which simulated nights are drawn."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from townlet.baselines.build import default_behavior
from townlet.baselines.measure import measure_seed
from townlet.behavior.choose import choose_behavior
from townlet.config import Scenario
from townlet.errors import InputError
from townlet.files.storage import canonical_json, pretty_json, read_json, require_field, sha256, write_atomically
from townlet.simulation import SimulationLoop
from townlet.sources import sources_sha256
from townlet.study.drift.planted_changes import with_conflict_weights, with_grudge_decay, with_slower_uses

#: Cycles after which an unfinished pool is saved.
_SAVED_EVERY = 500


@dataclass(frozen=True)
class CyclePool:
    """Independent cycles of a scenario or one of its variants; ``values`` are float64 [M] per metric."""

    values: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def select(self, rows: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """The metrics of the cycles in these rows."""
        return {name: values[rows] for name, values in self.values.items()}


def make_pool(
    scenario: Scenario, label: str, cycles: int, worlds: int, work: Path, advance: Callable[[int], None]
) -> CyclePool:
    """Simulate cycles, each under a seed of its own, and measure each like a seed of a baseline.

    Args:
        scenario: the scenario, altered already.
        label: name of the variant, empty for the unaltered scenario.
        cycles: number of cycles.
        worlds: worlds in each cycle.
        work: folder in which finished cycles are kept, under a hash of scenario, label, worlds and code.
        advance: called with the number of cycles done.
    """
    identity = {"scenario": scenario.digest, "label": label, "worlds": worlds, "code": sources_sha256(__name__)}
    key = sha256(canonical_json(identity).encode())
    path = work / f"{scenario.name}-{label.replace(' ', '') or 'unchanged'}-{key[:12]}.json"
    rows: dict[str, list[float]] = {}
    if path.exists():
        what = "a pool of cycles"
        rows = require_field(read_json(path, what), "values", path, what, dict)
    done = len(next(iter(rows.values()), []))
    behavior = choose_behavior(scenario, default_behavior(scenario), None).behavior
    loop = SimulationLoop(scenario, worlds=worlds, seed=0)
    first = first_seed(label)
    for index in range(done, cycles):
        for name, value in measure_seed(scenario, behavior, worlds, first + index, loop).items():
            rows.setdefault(name, []).append(value)
        if (index + 1) % _SAVED_EVERY == 0 or index + 1 == cycles:
            write_atomically(path, pretty_json({"identity": identity, "values": rows}))
        advance(index + 1)
    return CyclePool({name: np.array(values[:cycles]) for name, values in rows.items()})


def first_seed(label: str) -> int:
    """First seed of a variant. No two variants share a seed: their noise would be the same."""
    return 1_000_000 + 100_000 * (zlib.crc32(label.encode()) % 20_000)


def variant_of(scenario: Scenario, variant: str) -> Scenario:
    """The altered scenario that the name of a variant stands for."""
    kind, _, amount = variant.partition(" ")
    match kind:
        case "":
            return scenario
        case "pressure":
            return with_conflict_weights(scenario, 1 + int(amount) / 100)
        case "decay":
            return with_grudge_decay(scenario, int(amount) / 100)
        case "slower":
            return with_slower_uses(scenario)
    raise InputError.of("study", "variant", repr(variant), "pressure, decay or slower")
