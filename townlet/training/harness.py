"""One network, one optimizer and one simulation, kept and reused through every phase and cycle of a
training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

import torch

from townlet.behavior.base import Behavior
from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.behavior.policy_file import require_spaces
from townlet.config.scenario import Scenario
from townlet.config.training import TrainingConfig
from townlet.errors import InputError
from townlet.host.memory import FEWER, memory_for
from townlet.rollout import RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.training.adam import Adam
from townlet.training.batch import (
    Batch,
    agreement,
    replay_batch,
    replay_method,
    require_learnable,
    rollout_batch,
    rows_of,
)
from townlet.training.determinism import repeatable, repeatably
from townlet.training.handover import Handover, require_handover, script_batch
from townlet.training.joint import joint_batch
from townlet.training.needed import learning_bytes
from townlet.training.update import run_epoch, stopped_early

if TYPE_CHECKING:
    from townlet.capture import Capture
    from townlet.training.gymnasium_loop import GymnasiumLoop

Mode = Literal["replay", "rollout", "mixed"]
Log = Callable[[dict[str, Any]], None]

# Whole numbers that a training counts as it goes.
_COUNTERS = ("epoch", "steps", "cycle", "passed_over")


def phase_kinds(mode: Mode, mixing: str) -> tuple[Literal["replay", "rollout", "joint"], ...]:
    """The phases of one cycle, in order; ``mixing`` is that of :class:`ReplayConfig`."""
    if mode == "mixed":
        return ("joint",) if mixing == "joint" else ("replay", "rollout")
    return (mode,)


class TrainingHarness:
    """Trains a policy for a scenario from recorded captures, from its own rollouts, or from both in turn.

    Every epoch is reported to a ``log`` as the fields of one telemetry record, without ``telemetry_version``
    and ``log_stream_offset``, which the log's writer adds. ``epoch_duration_sec`` runs from one report of a
    phase to the next; the first one includes the phase's rollout capture or its evaluation of the recorded
    data.

    The same scenario, seed and captures give the same weights and records to the bit, clock fields aside. For
    that each phase sets torch's number of threads and its deterministic algorithms, which are process-wide,
    for as long as it runs.

    The network acts and learns on ``device``; the town is simulated on the processor. Another device gives other bits.
    """

    def __init__(self, scenario: Scenario, *, seed: int | None = None, device: str | torch.device = "cpu") -> None:
        config = scenario.training
        seed = config.seed if seed is None else seed
        self.scenario: Scenario | None = scenario
        loop = SimulationLoop(scenario, worlds=config.worlds, seed=seed, threads=config.threads)
        self._begin(loop, config, seed, torch.device(device))

    @classmethod
    def over(cls, loop: GymnasiumLoop, config: TrainingConfig, *, seed: int) -> TrainingHarness:
        """A harness that learns from rollouts of other environments than the town, and from nothing else."""
        harness = cls.__new__(cls)
        harness.scenario = None
        # What the harness asks of a loop, this one has too.
        harness._begin(cast(SimulationLoop, loop), config, seed, torch.device("cpu"))
        return harness

    def _begin(self, loop: SimulationLoop, config: TrainingConfig, seed: int, device: torch.device) -> None:
        self.loop, self.config, self.seed = loop, config, seed
        town = loop.town
        features, actions = len(town.observation_schema), len(town.action_names)
        with repeatable(device):
            self.network = ActorCritic(features, actions, self.config.network, seed=self.seed).to(device)
        self.behavior = NeuralBehavior(self.network)
        self.optimizer = Adam(self.network.parameters(), lr=self.config.ppo.learning_rate, eps=1e-5)
        # Epochs, agent-steps handed to them (each pass counts) and rollout captures so far; and how many of those were
        # passed over, because nobody lived in them.
        self.epoch, self.steps, self.cycle, self.passed_over = 0, 0, 0, 0
        # Share of the phases of this training that are done, for the schedules of PPO's constants.
        self.progress = 0.0
        self._buffer: RolloutBuffer | None = None
        # The ``baseline_*`` telemetry fields of the last capture replayed.
        self.baseline: dict[str, float] = {}
        self.handover = Handover.of(config.handover)

    def run(
        self,
        mode: Mode,
        log: Log,
        *,
        capture: Capture | None = None,
        cycles: int | None = None,
        epochs: int | None = None,
        source: str = "replay",
        done: int = 0,
        after_phase: Callable[[int], None] | None = None,
    ) -> None:
        """``cycles`` times a replay phase (unless ``rollout``), then a rollout phase (unless ``replay``); or, in mode
        ``mixed`` with joint mixing, ``cycles`` times one phase of both.

        Each phase has ``epochs`` epochs; both numbers default to the scenario's. The first ``done`` phases are
        left out: a resumed training has done them. ``after_phase`` is called with the number of phases done, at
        moments at which the harness is what a checkpoint holds and nothing more. Raises ValueError if
        ``capture`` is missing where the mode replays one or given where it does not, and what
        :meth:`require_usable` and the phases raise.
        """
        if (capture is None) != (mode == "rollout"):
            raise ValueError(f"capture: found {capture!r}, expected one for replay and mixed, none for rollout")
        self.require_usable(mode, capture, source)
        kinds = phase_kinds(mode, self.config.replay.mixing)
        phases = len(kinds) * (self.config.cycles if cycles is None else cycles)
        for phase in range(done, phases):
            kind = kinds[phase % len(kinds)]
            self.progress = phase / phases
            if capture is None or kind == "rollout":
                self.run_rollout(epochs, log)
            elif kind == "joint":
                self.run_joint(capture, epochs, log, source)
            else:
                self.run_replay(capture, epochs, log, source)
            if after_phase is not None:
                after_phase(phase + 1)

    def require_usable(self, mode: Mode, capture: Capture | None, source: str = "replay") -> None:
        """Raise InputError unless a training in a mode, from a capture if it replays one, can begin."""
        require_handover(self.config, mode)
        if capture is not None:
            self.require_match(capture, source)
            require_learnable(capture.buffer, self.config.replay, capture.manifest.behavior.deterministic, source)

    def take_memory(self, mode: Mode, capture: Capture | None) -> None:
        """Take what a training in a mode needs besides the network and the town, before anything is written.

        Raises InputError, with what to change, if it cannot be had.
        """
        town, config = self.loop.town, self.config
        shape = config.rollout_ticks, town.worlds, len(town.people), self.network.features, self.network.actions
        needed = learning_bytes(mode, config, shape, capture)
        what = (
            f"{config.rollout_ticks:,} ticks × {town.worlds:,} worlds × {len(town.people):,} people and what is learnt"
        )
        with memory_for(needed, what, FEWER):
            if mode != "replay":
                self._buffer = self._buffer or self.loop.new_buffer(config.rollout_ticks)

    @repeatably
    def run_replay(self, capture: Capture, epochs: int | None, log: Log, source: str = "replay") -> None:
        """Learn ``epochs`` times from a capture, by ``replay.method``; if that is ``auto``, by cloning if its behavior
        was deterministic and V-trace if not.

        Raises InputError, with ``source`` as the file, if the capture was made with other observations or
        actions, lacks what the method needs, or has nothing to learn from, and TrainingDiverged.
        """
        started = time.perf_counter()
        self.require_match(capture, source)
        self.baseline = dict(capture.baseline)
        deterministic = capture.manifest.behavior.deterministic
        batch = replay_batch(capture.buffer, self.network, self.config, deterministic=deterministic, source=source)
        self._learn(batch, epochs, log, started, "replay", 0, capture.buffer)

    @repeatably
    def run_joint(self, capture: Capture, epochs: int | None, log: Log, source: str = "replay") -> None:
        """Capture a rollout and learn from it and from segments of a capture, mixed in every minibatch.

        The counters and rivalry averages in the telemetry are the rollout's. A rollout in which nobody lived is passed
        over, and the capture with it: its share is measured by the fresh agent-steps. Raises what :meth:`run_replay`
        does.
        """
        started = time.perf_counter()
        self.require_match(capture, source)
        deterministic = capture.manifest.behavior.deterministic
        replay_method(self.config.replay, deterministic=deterministic, source=source)
        self.baseline = dict(capture.baseline)
        buffer = self._collect(self.behavior)
        if not self._has_lived(buffer):
            return
        batch = joint_batch(
            buffer,
            capture.buffer,
            self.network,
            self.config,
            deterministic=deterministic,
            seed=self.seed,
            cycle=self.cycle,
            source=source,
        )
        self._learn(batch, epochs, log, started, "mixed", buffer.ticks, buffer)

    @repeatably
    def run_rollout(self, epochs: int | None, log: Log) -> None:
        """Capture a rollout of the network as it is, going on from where the town stands, and learn from it.

        As long as a script drives some of the people, the network learns from the others by PPO, then clones the
        script's actions. A rollout in which nobody lived, all having left and no newcomer being there yet, is passed
        over and counted: no epoch, no telemetry. Raises TrainingDiverged.
        """
        started = time.perf_counter()
        if self.handover.share > 0.0:
            self._run_handover(epochs, log, started)
            return
        buffer = self._collect(self.behavior)
        if not self._has_lived(buffer):
            return
        batch = rollout_batch(buffer, self.network, self.config)
        self._learn(batch, epochs, log, started, "rollout", buffer.ticks, buffer)

    def _run_handover(self, epochs: int | None, log: Log, started: float) -> None:
        town, handover = self.loop.town, self.handover
        behavior = handover.behavior(
            (town.worlds, len(town.people)), self.scenario, self.behavior, seed=self.seed, cycle=self.cycle
        )
        driven, common = behavior.driven, handover.fields()
        buffer = self._collect(behavior)
        if not self._has_lived(buffer):
            return
        if len(rows_of(buffer, ~driven)):
            batch = rollout_batch(buffer, self.network, self.config, only=~driven)
            self._learn(batch, epochs, log, started, "rollout", buffer.ticks, buffer, common)
            started = time.perf_counter()
        last: dict[str, Any] = {}
        if len(rows_of(buffer, driven)):
            # Only after PPO, whose ratios are to the policy that acted.
            batch = script_batch(buffer, self.network, self.config, driven)
            last = self._learn(batch, epochs, log, started, "rollout", buffer.ticks, buffer, common)
        self.handover = handover.after(buffer, driven, last)

    def _collect(self, behavior: Behavior) -> RolloutBuffer:
        if self._buffer is None:
            self._buffer = self.loop.new_buffer(self.config.rollout_ticks)
        self.loop.collect(self._buffer, behavior)
        self.cycle += 1
        return self._buffer

    def _has_lived(self, buffer: RolloutBuffer) -> bool:
        """Whether anybody lived in a rollout; it counts those in which nobody did."""
        lived = bool(buffer.alive.any())
        self.passed_over += not lived
        return lived

    def counters(self) -> dict[str, Any]:
        """Whatever the next phase depends on besides weights, optimizer and town, as JSON values: a checkpoint keeps
        it, :meth:`set_counters` takes it up again."""
        numbers = {name: getattr(self, name) for name in _COUNTERS} | {"lr": self.optimizer.lr}
        handover = {"script_share": self.handover.share, "gate": self.handover.gate}
        return {**numbers, **handover, "baseline": self.baseline}

    def set_counters(self, counters: Mapping[str, Any]) -> None:
        """Take up what :meth:`counters` gave."""
        for name in _COUNTERS:
            setattr(self, name, counters[name])
        self.optimizer.lr, self.baseline = counters["lr"], dict(counters["baseline"])
        self.handover = replace(self.handover, share=counters["script_share"], gate=counters["gate"])

    def require_match(self, capture: Capture, source: str = "replay") -> None:
        """Raise InputError unless a capture comes from this very town: its schemas, map, people and rules."""
        if self.scenario is None:
            raise ValueError("scenario: found none, expected one: a capture belongs to a town")
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
        data: RolloutBuffer,
        common: Mapping[str, Any] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """The epochs of one phase, of which ``data`` holds the event totals; returns the fields of the last."""
        batch = batch.on(self.network.device)
        totals = {**data.totals, "counted_agent_steps": data.agent_steps}
        if self.passed_over:
            totals["rollouts_passed_over"] = self.passed_over
        record: dict[str, Any] = {}
        for _ in range(self.config.epochs if epochs is None else epochs):
            self.epoch += 1
            fields = run_epoch(
                self.network,
                self.optimizer,
                batch,
                self.config,
                seed=self.seed,
                epoch=self.epoch,
                progress=self.progress,
            )
            self.steps += len(batch.rows)
            if batch.held_out is not None:
                fields["cloning_accuracy_held_out"] = agreement(self.network, batch, batch.held_out)
            now = time.perf_counter()
            duration, started = now - started, now
            record = {
                "epoch": self.epoch,
                "steps": self.steps,
                "fresh_agent_steps": 0,
                "replayed_agent_steps": 0,
                **fields,
                **totals,
                **common,
                "data_mode": data_mode,
                "cycle_id": self.cycle,
                "rollout_ticks": rollout_ticks,
                "replay_method": batch.method,
                "epoch_duration_sec": duration,
                "agent_steps_per_second": len(batch.rows) / duration,
                # Later rollouts keep the baseline of the capture: it is what they are compared with.
                **self.baseline,
            }
            log(record)
            if stopped_early(fields, self.config):
                break
        return record
