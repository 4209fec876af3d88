"""Speed of the trainer: rollouts of a network in the town and updates from them, as in ``townlet train``."""

from __future__ import annotations

import importlib.metadata
import statistics
import threading
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from townlet.behavior.compiled.kernel import TORCH, kernel_for
from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.bench.libraries import libraries
from townlet.bench.matrix import limits_of, measure_products, operations_per_step, products_of
from townlet.bench.peak import measure_peak
from townlet.bench.protocol import machine, summary_of
from townlet.bench.town import with_observations
from townlet.config import NetworkConfig, Scenario, load_scenario
from townlet.host.torch_settings import repeatable
from townlet.host.workers import workers
from townlet.rollout import RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.training import TrainingHarness
from townlet.world import Town

#: Units of the two layers of the network that is trained, here and by the references.
HIDDEN = (128, 128)

_BLOCKS_LOOKED_AT = 200


def measure_trainer(
    file: str,
    observations: str | None,
    activation: str,
    epochs: int,
    worlds: int,
    ticks: int,
    minibatch: int,
    threads: int,
    repeats: int,
    device: str = "cpu",
) -> dict[str, Any]:
    """Time phases of one rollout and ``epochs`` passes over it, after one to warm up.

    Args:
        file: the scenario's file.
        observations: mode in place of the scenario's own.
        activation: ``tanh`` or ``relu``.
        epochs: passes over each rollout.
        worlds: worlds of a rollout.
        ticks: ticks of a rollout.
        minibatch: agent-steps per optimizer step.
        threads: threads to simulate and to learn with.
        repeats: number of timed phases, and of timed repeats of each matrix product.
        device: where the network acts and learns, ``cpu`` or ``cuda``.

    Returns ``agent_steps_per_second``, the median over the phases, and ``spread``; ``core_share``, the share of its
    cores' time that the process used; ``share_simulate``, ``share_infer`` and ``share_learn`` of a phase's duration;
    the limits, with the keys of :func:`townlet.bench.matrix.limits_of`; and the settings.
    """
    scenario = training_scenario(
        with_observations(load_scenario(file), observations), activation, worlds, ticks, minibatch, threads
    )
    with repeatable(device=device):
        return _measured(scenario, epochs, repeats, device)


def _measured(scenario: Scenario, epochs: int, repeats: int, device: str) -> dict[str, Any]:
    training = scenario.training
    worlds, threads = training.worlds, training.threads
    loop = _TimedLoop(scenario, worlds=worlds, seed=0, threads=threads)
    harness = TrainingHarness.for_scenario(scenario, loop=loop, device=device)
    behavior = _TimedBehavior(harness.network)
    harness.behavior = behavior
    harness.run_rollout(epochs, lambda fields: None)
    phases = [_timed_phase(harness, behavior, loop, epochs, threads) for _ in range(repeats)]
    median = {name: statistics.median(phase[name] for phase in phases) for name in phases[0]}
    return {
        **summary_of([phase["rate"] for phase in phases]),
        **{name: round(value, 3) for name, value in median.items() if name != "rate"},
        **_limits(harness, epochs, median["rate"], repeats),
        "activation": training.network.activation,
        "epochs": epochs,
        "worlds": worlds,
        "ticks": training.rollout_ticks,
        "minibatch_size": training.ppo.minibatch_size,
        "threads": threads,
        "device": device,
        "people": len(loop.town.people),
        "features": harness.network.features,
        "actions": harness.network.actions,
        "machine": {**machine(), **_software(device, training.network)},
    }


def _limits(harness: TrainingHarness, epochs: int, rate: float, repeats: int) -> dict[str, Any]:
    """The machine's limits for a training of ``rate`` agent-steps per second, and its shares of them."""
    network, training, device = harness.network, harness.config, harness.network.device.type
    used = (
        network.features
        if kernel_for(network.device, network.config) is TORCH
        else _features_in_use(harness.last_rollout)
    )
    products = products_of(used, network.config.hidden, network.actions, epochs)
    # A device other than the processor gets its work from one thread.
    team = workers(training.threads if device == "cpu" else 1)
    measured = measure_products(products, training.ppo.minibatch_size, team, repeats, device)
    peak = measure_peak(team, repeats) if device == "cpu" else None
    return {"features_in_use": used, **limits_of(measured, peak, rate * operations_per_step(products))}


def _features_in_use(buffer: RolloutBuffer) -> int:
    """How many features a block of the rollout has that are not 0 in all of its rows, on average."""
    from townlet.behavior.compiled.packed import BLOCK

    rows = np.random.default_rng(0).permutation(np.flatnonzero(buffer.alive))
    blocks = rows[: len(rows) // BLOCK * BLOCK].reshape(-1, BLOCK)[:_BLOCKS_LOOKED_AT]
    observation = buffer.observation.reshape(-1, buffer.features)
    if not len(blocks):
        return buffer.features
    return round(float(np.mean([np.count_nonzero(observation[block].any(axis=0)) for block in blocks])))


def _software(device: str, network: NetworkConfig) -> dict[str, Any]:
    """Versions of what trained, the library that multiplied its matrices, and those that could have."""
    kernel = kernel_for(torch.device(device), network)
    at_hand = {library.name: library.describe() for library in libraries(device)}
    return {
        **{name: importlib.metadata.version(name) for name in ("numba", "torch")},
        "kernel": kernel.name,
        "library": at_hand["torch" if kernel is TORCH else "tiles"],
        "libraries": at_hand,
    }


def _timed_phase(
    harness: TrainingHarness, behavior: _TimedBehavior, loop: _TimedLoop, epochs: int, threads: int
) -> dict[str, float]:
    """One rollout and its updates: ``rate`` in agent-steps per second, and the shares of the time."""
    behavior.seconds, loop.seconds = 0.0, 0.0
    begin, working = time.perf_counter(), time.process_time()
    fields: list[dict[str, Any]] = []
    harness.run_rollout(epochs, fields.append)
    if harness.network.device.type == "cuda":
        torch.cuda.synchronize()
    whole = time.perf_counter() - begin
    # Threads have equal shares of the worlds, and so take about equally long.
    infer = min(behavior.seconds / threads, loop.seconds)
    return {
        # A rollout in which nobody was in town has no agent-steps.
        "rate": (fields[-1]["transitions"] if fields else 0) / whole,
        "share_simulate": (loop.seconds - infer) / whole,
        "share_infer": infer / whole,
        "share_learn": (whole - loop.seconds) / whole,
        "core_share": (time.process_time() - working) / whole / threads,
    }


def training_scenario(
    scenario: Scenario, activation: str, worlds: int, ticks: int, minibatch: int, threads: int
) -> Scenario:
    """The scenario with the amounts and the network of a measurement in its training section.

    Everybody chooses in every tick, in the scenario's own town, and learns by PPO from the start.
    """
    training = scenario.training
    changed = training.model_dump() | {
        "worlds": worlds,
        "rollout_ticks": ticks,
        "threads": threads,
        "network": {"hidden": HIDDEN, "activation": activation},
        "ppo": training.ppo.model_dump() | {"minibatch_size": minibatch},
        # What is measured are rollouts of the network, in this town, and PPO.
        "imitation": {},
        "towns": {},
    }
    return scenario.model_copy(update={"training": type(training).model_validate(changed)})


class _TimedBehavior(NeuralBehavior):
    """A network that counts the seconds that all threads together spend in it."""

    def __init__(self, network: ActorCritic) -> None:
        super().__init__(network)
        self.seconds = 0.0
        self._lock = threading.Lock()

    def act_within(
        self, town: Town, mask: NDArray[Any], action: NDArray[Any], log_prob: NDArray[Any], value: NDArray[Any]
    ) -> None:
        begin = time.perf_counter()
        super().act_within(town, mask, action, log_prob, value)
        with self._lock:
            self.seconds += time.perf_counter() - begin


class _TimedLoop(SimulationLoop):
    """A loop that counts the seconds that its rollouts take."""

    seconds = 0.0

    def collect(self, buffer: RolloutBuffer, *arguments: Any) -> None:
        begin = time.perf_counter()
        super().collect(buffer, *arguments)
        self.seconds += time.perf_counter() - begin
