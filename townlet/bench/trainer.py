"""The trainer, measured: rollouts of a network in the town and updates from them, as ``townlet train`` does them."""

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
from townlet.bench.protocol import machine
from townlet.bench.town import with_observations
from townlet.config import Scenario, load_scenario
from townlet.host.torch_settings import repeatable
from townlet.host.workers import Workers, workers
from townlet.rollout import RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.training import TrainingHarness
from townlet.world import Town

#: The network that is trained, here and by the references: two layers of this many units.
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
    """Train for ``repeats`` phases of one rollout and ``epochs`` passes over it each, after one to warm up.

    Keys: ``agent_steps_per_second``, agent-steps simulated and learnt from in a phase by its duration, median;
    ``spread``; ``core_share``, the share of its cores' time that the process used; ``share_simulate``, ``share_infer``
    and ``share_learn`` of the duration; ``share_matmul``, by how much of the rate ``matmul_gflops`` at which this
    process multiplies matrices the network's own products are done; and the settings.
    """
    scenario = training_scenario(
        with_observations(load_scenario(file), observations), activation, worlds, ticks, minibatch, threads
    )
    with repeatable():
        return _measured(scenario, epochs, repeats)


def _measured(scenario: Scenario, epochs: int, repeats: int) -> dict[str, Any]:
    training = scenario.training
    worlds, threads = training.worlds, training.threads
    loop = _WatchedLoop(scenario, worlds=worlds, seed=0, threads=threads)
    harness = TrainingHarness.for_scenario(scenario, loop=loop)
    watch = _Watch(harness.network)
    harness.behavior = watch
    harness.run_rollout(epochs, lambda fields: None)
    phases = []
    for _ in range(repeats):
        watch.seconds, loop.seconds = 0.0, 0.0
        begin, working = time.perf_counter(), time.process_time()
        fields: list[dict[str, Any]] = []
        harness.run_rollout(epochs, fields.append)
        whole = time.perf_counter() - begin
        # The threads' shares of the worlds are equal, and so are the times that they take, give or take a little.
        infer = min(watch.seconds / threads, loop.seconds)
        phases.append(
            {
                # None was lived in a rollout while nobody was in town.
                "rate": (fields[-1]["transitions"] if fields else 0) / whole,
                "share_simulate": (loop.seconds - infer) / whole,
                "share_infer": infer / whole,
                "share_learn": (whole - loop.seconds) / whole,
                "core_share": (time.process_time() - working) / whole / threads,
            }
        )
    median = {name: statistics.median(phase[name] for phase in phases) for name in phases[0]}
    matmul = matmul_rate(workers(threads))
    return {
        "agent_steps_per_second": round(median["rate"]),
        "spread": [round(pick(phase["rate"] for phase in phases)) for pick in (min, max)],
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

    One forward pass to act and one per epoch, one product for the gradient by each weight matrix and one for that by
    its input, which the first layer does not need; a multiplication and an addition per weight each.
    """
    weights = [parameter.numel() for parameter in network.parameters() if parameter.dim() == 2]
    return 2.0 * (sum(weights) + epochs * (3 * sum(weights) - weights[0]))


def matmul_rate(threads: Workers, seconds: float = 0.5) -> float:
    """Floating-point operations per second of matrix products as large as a layer's, float32, in all threads at once;
    median of five."""
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


class _Watch(NeuralBehavior):
    """Counts the seconds that all threads together spend in it."""

    def __init__(self, network: ActorCritic) -> None:
        super().__init__(network)
        self.seconds = 0.0
        self._lock = threading.Lock()

    def act(self, town: Town, action: NDArray[Any], log_prob: NDArray[Any], value: NDArray[Any]) -> None:
        begin = time.perf_counter()
        super().act(town, action, log_prob, value)
        with self._lock:
            self.seconds += time.perf_counter() - begin


class _WatchedLoop(SimulationLoop):
    """Counts the seconds that rollouts take."""

    seconds = 0.0

    def collect(self, buffer: RolloutBuffer, *arguments: Any) -> None:
        begin = time.perf_counter()
        super().collect(buffer, *arguments)
        self.seconds += time.perf_counter() - begin
