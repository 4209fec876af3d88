"""One cycle of a soak: a rollout of the baseline's behaviour, then replay and rollout of the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from townlet.baselines.measure import measure_seed, town_metrics
from townlet.behavior.compiled.kernel import threads_for
from townlet.capture import Capture
from townlet.simulation import SimulationLoop
from townlet.soak.drift_detection import REFERENCE
from townlet.soak.learned_change import LEARNING_METRICS
from townlet.soak.options import SoakInputs
from townlet.telemetry import TelemetryWriter, alerts_for
from townlet.training.harness import TrainingHarness
from townlet.world import TALLY, Town


class Cycles:
    """One network and two simulations, reused in every cycle: the network's town, and the baseline behaviour's.

    Both are reset in every cycle to that cycle's seed. The baseline's behaviour depends on nothing else, so its
    rollouts are exchangeable with the baseline's samples, however much the network has learnt.
    """

    def __init__(self, inputs: SoakInputs, capture: Capture, source: str, *, seed: int) -> None:
        self.inputs, self.capture, self.source, self.seed = inputs, capture, source, seed
        scenario, baseline = inputs.scenario, inputs.baseline
        training = scenario.training
        threads = threads_for(torch.device("cpu"), training.network, training.threads)
        self._loop = SimulationLoop(scenario, worlds=training.worlds, seed=training.seed, threads=threads)
        self.harness = TrainingHarness.for_scenario(scenario, loop=self._loop)
        self.harness.require_usable("mixed", capture, source)
        self.harness.take_memory("mixed", capture)
        if inputs.network is not None:
            self.harness.network.load_state_dict(inputs.network.state_dict())
        self.learning = scenario.training.ppo.learning_rate > 0.0
        self._bounds = inputs.bounds
        self._reference = SimulationLoop(inputs.acted_in, worlds=baseline.worlds, seed=0)

    def run(self, cycle: int, writer: TelemetryWriter, pause: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Run a cycle, counted from 1, and write its telemetry; return its row of metrics.

        ``pause`` is called between the cycle's three parts.
        """
        seed, records = cycle_seed(self.seed, cycle), list[dict[str, Any]]()
        baseline, harness, town = self.inputs.baseline, self.harness, self._loop.town
        reference = measure_seed(self.inputs.acted_in, self.inputs.behavior, baseline.worlds, seed, self._reference)
        pause()

        def log(fields: dict[str, Any]) -> None:
            writer.write(fields)
            records.append(fields)

        harness.run_replay(self.capture, None, log, self.source)
        pause()
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
        """Whether a metric is defined: a policy that does not learn has no divergence from itself."""
        return self.learning or name != "kl_divergence"

    def _alerts(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {"epoch": record["epoch"], "signal": alert.signal, "field": alert.field}
            | {"found": alert.found, "expected": alert.expected}
            for record in records
            for alert in alerts_for(record, self._bounds)
        ]


def cycle_seed(seed: int, cycle: int) -> int:
    """The seed of a cycle's towns, in [0, 2³¹); baselines use small seeds."""
    return int(np.random.SeedSequence([seed, cycle]).generate_state(1)[0] >> 1)


def agent_steps(town: Town) -> int:
    """Agent-steps since the town's tallies were reset."""
    return int(town.state.tally[..., TALLY.index("alive_ticks")].sum())


def _learning_metrics(records: list[dict[str, Any]]) -> Mapping[str, float]:
    return {name: float(np.mean([record[field] for record in records])) for name, field in LEARNING_METRICS.items()}
