"""Speed of the trainer: rollouts of a network in the town and updates from them, as in ``townlet train``."""

from __future__ import annotations

import importlib.metadata
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from numpy.typing import NDArray

from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.bench.protocol import machine, summary_of
from townlet.bench.town import with_observations
from townlet.config import Scenario, load_scenario
from townlet.host.torch_settings import repeatable
from townlet.host.workers import Workers, workers
from townlet.rollout import RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.training import TrainingHarness
from townlet.world import Town

#: Units of the two layers of the network that is trained, here and by the references.
HIDDEN = (128, 128)


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
        repeats: number of timed phases.

    Returns ``agent_steps_per_second``, the median over the phases, and ``spread``; ``core_share``, the share of its
    cores' time that the process used; ``share_simulate``, ``share_infer`` and ``share_learn`` of a phase's duration;
    ``matmul_gflops``, the rate at which this process multiplies matrices, and ``share_matmul``, the share of it that
    the network's own products reach; and the settings.
    """
    scenario = training_scenario(
        with_observations(load_scenario(file), observations), activation, worlds, ticks, minibatch, threads
    )
    with repeatable():
        return _measured(scenario, epochs, repeats)


def _measured(scenario: Scenario, epochs: int, repeats: int) -> dict[str, Any]:
    training = scenario.training
    worlds, threads = training.worlds, training.threads
    loop = _TimedLoop(scenario, worlds=worlds, seed=0, threads=threads)
    harness = TrainingHarness.for_scenario(scenario, loop=loop)
    behavior = _TimedBehavior(harness.network)
    harness.behavior = behavior
    harness.run_rollout(epochs, lambda fields: None)
    phases = [_timed_phase(harness, behavior, loop, epochs, threads) for _ in range(repeats)]
    median = {name: statistics.median(phase[name] for phase in phases) for name in phases[0]}
    matmul = matmul_rate(workers(threads))
    return {
        **summary_of([phase["rate"] for phase in phases]),
        **{name: round(value, 3) for name, value in median.items() if name != "rate"},
        "share_matmul": round(median["rate"] * operations_per_step(harness.network, epochs) / matmul, 3),
        "matmul_gflops": round(matmul / 1e9, 1),
        "activation": training.network.activation,
        "epochs": epochs,
        "worlds": worlds,
        "ticks": training.rollout_ticks,
        "minibatch_size": training.ppo.minibatch_size,
        "threads": threads,
        "people": len(loop.town.people),
        "features": harness.network.features,
        "actions": harness.network.actions,
        "machine": {**machine(), **{name: importlib.metadata.version(name) for name in ("numba", "torch")}},
    }


def _timed_phase(
    harness: TrainingHarness, behavior: _TimedBehavior, loop: _TimedLoop, epochs: int, threads: int
) -> dict[str, float]:
    """One rollout and its updates: ``rate`` in agent-steps per second, and the shares of the time."""
    behavior.seconds, loop.seconds = 0.0, 0.0
    begin, working = time.perf_counter(), time.process_time()
    fields: list[dict[str, Any]] = []
    harness.run_rollout(epochs, fields.append)
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
    """The scenario with the amounts and the network of a measurement in its training section."""
    training = scenario.training
    changed = training.model_dump() | {
        "worlds": worlds,
        "rollout_ticks": ticks,
        "threads": threads,
        "network": {"hidden": HIDDEN, "activation": activation},
        "ppo": training.ppo.model_dump() | {"minibatch_size": minibatch},
    }
    return scenario.model_copy(update={"training": type(training).model_validate(changed)})


def operations_per_step(network: ActorCritic, epochs: int) -> float:
    """Floating-point operations of the network's matrix products per agent-step.

    Acting takes one forward pass. Each epoch takes a forward pass, a product per layer for the gradient of its weights,
    and one per layer but the first for the gradient of its input. A product is a multiplication and an addition per
    weight.
    """
    weights = [parameter.numel() for parameter in network.parameters() if parameter.dim() == 2]
    return 2.0 * (sum(weights) + epochs * (3 * sum(weights) - weights[0]))


def matmul_rate(threads: Workers, seconds: float = 0.5) -> float:
    """Floating-point operations per second of matrix products of a layer's size, in all threads at once.

    Products are float32; the rate is the median of five.
    """
    rows, units = 2048, HIDDEN[-1]
    parts = [tuple(torch.randn(*shape) for shape in ((rows, units), (units, units))) for _ in range(threads.threads)]
    outs = [torch.empty(rows, units) for _ in parts]

    def multiply(times: int) -> Callable[[int, slice], None]:
        def work(worker: int, part: slice) -> None:
            for _ in range(times):
                torch.mm(*parts[worker], out=outs[worker])

        return work

    def timed(times: int) -> float:
        begin = time.perf_counter()
        threads.share(threads.threads, multiply(times))
        return 2.0 * rows * units * units * times * threads.threads / (time.perf_counter() - begin)

    timed(10)
    times = max(round(timed(20) * seconds / 5 / (2.0 * rows * units * units * threads.threads)), 1)
    return statistics.median(timed(times) for _ in range(5))


class _TimedBehavior(NeuralBehavior):
    """A network that counts the seconds that all threads together spend in it."""

    def __init__(self, network: ActorCritic) -> None:
        super().__init__(network)
        self.seconds = 0.0
        self._lock = threading.Lock()

    def act(self, town: Town, action: NDArray[Any], log_prob: NDArray[Any], value: NDArray[Any]) -> None:
        begin = time.perf_counter()
        super().act(town, action, log_prob, value)
        with self._lock:
            self.seconds += time.perf_counter() - begin


class _TimedLoop(SimulationLoop):
    """A loop that counts the seconds that its rollouts take."""

    seconds = 0.0

    def collect(self, buffer: RolloutBuffer, *arguments: Any) -> None:
        begin = time.perf_counter()
        super().collect(buffer, *arguments)
        self.seconds += time.perf_counter() - begin
