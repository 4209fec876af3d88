"""Measurement of one seed: the rollout behind each sample of a baseline and each reference rollout of a soak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from townlet.baselines.world_metrics import rollout_metrics
from townlet.host.torch_settings import repeatable

if TYPE_CHECKING:
    from townlet.behavior import Behavior
    from townlet.config import Scenario
    from townlet.simulation import SimulationLoop
    from townlet.world import Town


def measure_seed(
    scenario: Scenario, behavior: Behavior, worlds: int, seed: int, loop: SimulationLoop | None = None
) -> dict[str, float]:
    """The world metrics of one episode of ``worlds`` worlds under a seed.

    ``loop`` is a simulation of the same scenario and number of worlds to use instead of a new one; it is reset to the
    seed first. Nothing is recorded, but every figure equals that of ``townlet capture`` with this seed to the last bit.
    """
    from townlet.simulation import SimulationLoop

    town = (loop or SimulationLoop(scenario, worlds=worlds, seed=seed)).town
    if town.worlds != worlds:
        raise ValueError(f"worlds: found a loop of {town.worlds}, expected {worlds}")
    shape = (worlds, len(town.people))
    action = np.zeros(shape, np.int32)
    log_prob, value = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    town.reset(seed)
    with repeatable(scenario.training.threads):
        for _ in range(scenario.ticks):
            behavior.act(town, action, log_prob, value)
            town.step(action)
    return town_metrics(town)


def town_metrics(town: Town) -> dict[str, float]:
    """The world metrics of everything that happened in a town since its tallies were reset, by name."""
    from townlet.capture.sample_metrics import capture_metrics
    from townlet.simulation import telemetry_totals

    tally, counter = town.state.tally, town.state.counter
    totals = telemetry_totals(tally, counter)
    metrics = capture_metrics(town.people, tally, counter, totals, log_prob_sum=0.0, deterministic=True)
    return rollout_metrics(metrics, jobs=bool(town.scenario.jobs))
