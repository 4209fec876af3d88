"""One network, one optimizer and one simulation, kept and reused through every phase and cycle of a
training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import torch

from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.behavior.policy_file import require_spaces
from townlet.config.scenario import Scenario
from townlet.errors import InputError
from townlet.rollout import RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.training.adam import Adam
from townlet.training.batch import Batch, replay_batch, rollout_batch
from townlet.training.update import run_epoch

if TYPE_CHECKING:
    from townlet.capture import Capture

Mode = Literal["replay", "rollout", "mixed"]
Log = Callable[[dict[str, Any]], None]


class TrainingHarness:
    """Trains a policy for a scenario from recorded captures, from its own rollouts, or from both in turn.

    Every epoch is reported to a ``log`` as the fields of one telemetry record, without ``telemetry_version``
    and ``log_stream_offset``, which the log's writer adds. ``epoch_duration_sec`` runs from one report of a
    phase to the next; the first one includes the phase's rollout capture or its evaluation of the recorded
    data.

    The same scenario, seed and captures give the same weights and records to the bit, clock fields aside. For
    that the constructor sets torch's number of threads and its deterministic algorithms, which are
    process-wide.
    """

    def __init__(self, scenario: Scenario, *, seed: int | None = None) -> None:
        self.scenario, self.config = scenario, scenario.training
        self.seed = self.config.seed if seed is None else seed
        torch.set_num_threads(self.config.threads)
        # Not `use_deterministic_algorithms`, which does the same and loads the compiler.
        torch.set_deterministic_debug_mode("error")
        self.loop = SimulationLoop(scenario, worlds=self.config.worlds, seed=self.seed)
        town = self.loop.town
        features, actions = len(town.observation_schema), len(town.action_names)
        self.network = ActorCritic(features, actions, self.config.network, seed=self.seed)
        self.behavior = NeuralBehavior(self.network)
        self.optimizer = Adam(self.network.parameters(), lr=self.config.ppo.learning_rate, eps=1e-5)
        # Epochs, agent-steps learnt from (each pass counts) and rollout captures so far.
        self.epoch, self.steps, self.cycle = 0, 0, 0
        self._buffer: RolloutBuffer | None = None
        self._baseline: dict[str, float] = {}

    def run(
        self,
        mode: Mode,
        log: Log,
        *,
        capture: Capture | None = None,
        cycles: int | None = None,
        epochs: int | None = None,
        source: str = "replay",
    ) -> None:
        """``cycles`` times a replay phase (unless ``rollout``), then a rollout phase (unless ``replay``).

        Each phase has ``epochs`` epochs; both numbers default to the scenario's. Raises ValueError if
        ``capture`` is missing where the mode replays one or given where it does not; and what the phases
        raise.
        """
        if (capture is None) != (mode == "rollout"):
            raise ValueError(f"capture: found {capture!r}, expected one for replay and mixed, none for rollout")
        for _ in range(self.config.cycles if cycles is None else cycles):
            if capture is not None:
                self.run_replay(capture, epochs, log, source)
            if mode != "replay":
                self.run_rollout(epochs, log)

    def run_replay(self, capture: Capture, epochs: int | None, log: Log, source: str = "replay") -> None:
        """Learn ``epochs`` times from a capture, by cloning if its behavior was deterministic and V-trace if
        not.

        Raises InputError, with ``source`` as the file, if the capture was made with other observations or
        actions, or has nothing to learn from, and TrainingDiverged.
        """
        started = time.perf_counter()
        self.require_match(capture, source)
        self._baseline = dict(capture.baseline)
        deterministic = capture.manifest.behavior.deterministic
        batch = replay_batch(capture.buffer, self.network, self.config, deterministic=deterministic, source=source)
        self._learn(batch, epochs, log, started, "replay", 0, capture.buffer.totals)

    def run_rollout(self, epochs: int | None, log: Log) -> None:
        """Capture a rollout of the network as it is, going on from where the town stands, and learn from it.

        Raises InputError if nobody lived in it, and TrainingDiverged.
        """
        started = time.perf_counter()
        if self._buffer is None:
            self._buffer = self.loop.new_buffer(self.config.rollout_ticks)
        self.loop.collect(self._buffer, self.behavior)
        self.cycle += 1
        batch = rollout_batch(self._buffer, self.network, self.config)
        self._learn(batch, epochs, log, started, "rollout", self._buffer.ticks, self._buffer.totals)

    def require_match(self, capture: Capture, source: str = "replay") -> None:
        """Raise InputError unless a capture comes from this very town: its schemas, map, people and rules."""
        town, recorded = self.loop.town, capture.manifest.scenario
        found, expected = recorded.town_sha256, self.scenario.town_digest
        if found != expected and recorded.name != self.scenario.name:
            raise InputError.of(source, "scenario.name", repr(recorded.name), f"a capture of {self.scenario.name!r}")
        require_spaces(capture.manifest, town.observation_schema, town.action_names, source=source)
        if found != expected:
            changed = f"{expected[:12]}; the map, people or rules have changed since"
            raise InputError.of(source, "scenario.town_sha256", found[:12], changed)

    def _learn(
        self,
        batch: Batch,
        epochs: int | None,
        log: Log,
        started: float,
        data_mode: str,
        rollout_ticks: int,
        totals: Mapping[str, float],
    ) -> None:
        for _ in range(self.config.epochs if epochs is None else epochs):
            self.epoch += 1
            fields = run_epoch(self.network, self.optimizer, batch, self.config, seed=self.seed, epoch=self.epoch)
            self.steps += len(batch.rows)
            now = time.perf_counter()
            duration, started = now - started, now
            log(
                {
                    "epoch": self.epoch,
                    "steps": self.steps,
                    **fields,
                    **totals,
                    "data_mode": data_mode,
                    "cycle_id": self.cycle,
                    "rollout_ticks": rollout_ticks,
                    "replay_method": batch.method,
                    "epoch_duration_sec": duration,
                    "agent_steps_per_second": len(batch.rows) / duration,
                    # Later rollouts keep the baseline of the capture: it is what they are compared with.
                    **self._baseline,
                }
            )
