"""One cycle of a soak: the baseline's behaviour in its town, then the network replays, acts, and learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from townlet.baselines.measure import measure_seed, town_metrics
from townlet.capture import Capture
from townlet.simulation import SimulationLoop
from townlet.soak.drift_detection import REFERENCE
from townlet.soak.learning_drift import LEARNING_METRICS
from townlet.soak.options import Materials
from townlet.telemetry import TelemetryWriter, alerts_for
from townlet.training.harness import TrainingHarness
from townlet.world import TALLY, Town


class Cycles:
    """One network and two simulations, reused in every cycle: the network's town, and that of the baseline's behaviour.

    Both begin anew in every cycle from its seed. What the baseline's behaviour does depends on nothing else, so it is
    exchangeable with the baseline's samples, however much the network has learnt.
    """

    def __init__(self, materials: Materials, capture: Capture, source: str, *, seed: int) -> None:
        self.materials, self.capture, self.source, self.seed = materials, capture, source, seed
        scenario, baseline = materials.scenario, materials.baseline
        self.harness = TrainingHarness(scenario)
        self.harness.require_usable("mixed", capture, source)
        self.harness.take_memory("mixed", capture)
        if materials.network is not None:
            self.harness.network.load_state_dict(materials.network.state_dict())
        self.learning = scenario.training.ppo.learning_rate > 0.0
        self._reference = SimulationLoop(scenario, worlds=baseline.worlds, seed=0)

    def run(self, cycle: int, writer: TelemetryWriter) -> dict[str, Any]:
        """Do a cycle, counted from 1, with its telemetry; returns its row."""
        seed, records = cycle_seed(self.seed, cycle), list[dict[str, Any]]()
        baseline, harness, town = self.materials.baseline, self.harness, self.harness.loop.town
        reference = measure_seed(
            self.materials.scenario, self.materials.behavior, baseline.worlds, seed, self._reference
        )

        def log(fields: dict[str, Any]) -> None:
            writer.write(fields)
            records.append(fields)

        harness.run_replay(self.capture, None, log, self.source)
        town.reset(seed)
        harness.run_rollout(None, log)
        rollout = [record for record in records if record["data_mode"] == "rollout"]
        return {
            "cycle": cycle,
            "seed": seed,
            "kind": "rollout",
            "first_epoch": records[0]["epoch"],
            "last_epoch": records[-1]["epoch"],
            "agent_steps": agent_steps(town) + agent_steps(self._reference.town),
            **town_metrics(town),
            **{name: value for name, value in _learning_metrics(rollout).items() if self._exists(name)},
            **{f"{REFERENCE}{name}": value for name, value in reference.items()},
            "alerts": self._alerts(records),
        }

    def _exists(self, name: str) -> bool:
        """A policy that takes no step has no distance from itself."""
        return self.learning or name != "kl_divergence"

    def _alerts(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        thresholds = self.materials.scenario.telemetry.thresholds
        return [
            {"epoch": record["epoch"], "signal": alert.signal, "field": alert.field}
            | {"found": alert.found, "expected": alert.expected}
            for record in records
            for alert in alerts_for(record, thresholds)
        ]


def cycle_seed(seed: int, cycle: int) -> int:
    """The seed of a cycle's towns, in [0, 2³¹): far from the small ones that baselines are made of."""
    return int(np.random.SeedSequence([seed, cycle]).generate_state(1)[0] >> 1)


def agent_steps(town: Town) -> int:
    """Agent-steps since the town's tallies were reset."""
    return int(town.state.tally[..., TALLY.index("alive_ticks")].sum())


def _learning_metrics(records: list[dict[str, Any]]) -> Mapping[str, float]:
    return {name: float(np.mean([record[field] for record in records])) for name, field in LEARNING_METRICS.items()}
