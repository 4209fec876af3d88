"""A network that learns: the epochs over one batch after another, and their telemetry."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from townlet.behavior.network import ActorCritic
from townlet.config.training import TrainingConfig
from townlet.rollout import RolloutBuffer
from townlet.training.adam import Adam
from townlet.training.agreement import agreement
from townlet.training.batch import Batch
from townlet.training.update import run_epoch, stopped_early

Log = Callable[[dict[str, Any]], None]

# Whole numbers that a training counts as it goes.
_COUNTERS = ("epoch", "steps", "cycle", "passed_over")


@dataclass(frozen=True)
class PhaseSource:
    """Where a phase's batch comes from, for the telemetry of its epochs."""

    data_mode: Literal["replay", "rollout", "mixed"]
    data: RolloutBuffer
    """Holds the event totals."""
    started: float
    """When the phase began, by :func:`time.perf_counter`."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Further telemetry fields."""

    def record(self) -> dict[str, Any]:
        """The telemetry fields that are the same in all epochs of the phase."""
        return {
            **self.data.totals,
            "counted_agent_steps": self.data.agent_steps,
            **self.fields,
            "data_mode": self.data_mode,
            "rollout_ticks": 0 if self.data_mode == "replay" else self.data.ticks,
        }


class Learner:
    """A network that learns: its weights, its optimizer, and counts of the data used so far.

    Every epoch is reported to a ``log`` as the fields of one telemetry record, without ``telemetry_version`` and
    ``log_stream_offset``, which the log's writer adds. ``epoch_duration_sec`` runs from one report of a phase to the
    next; the first one includes the rollout, or the evaluation of the recorded data.
    """

    def __init__(self, network: ActorCritic, config: TrainingConfig, *, seed: int) -> None:
        self.network, self.config, self.seed = network, config, seed
        self.optimizer = Adam(network.parameters(), lr=config.ppo.learning_rate, eps=1e-5)
        # Counts so far: epochs, agent-steps handed to them (in each pass), rollouts, and rollouts that were skipped
        # because nobody was in town.
        self.epoch, self.steps, self.cycle, self.passed_over = 0, 0, 0, 0
        # The share of this training's phases that are done, for the schedules of PPO's constants.
        self.progress = 0.0
        # The ``baseline_*`` telemetry fields of the last capture replayed. Rollouts report them too, for comparison.
        self.baseline: dict[str, float] = {}

    def learn(self, batch: Batch, epochs: int | None, log: Log, source: PhaseSource) -> dict[str, Any]:
        """Run the epochs of one phase, by default the configuration's number; return the last one's telemetry fields.

        Raises TrainingDiverged.
        """
        batch = batch.on(self.network.device)
        common, record = source.record(), dict[str, Any]()
        if self.passed_over:
            common["rollouts_passed_over"] = self.passed_over
        started = source.started
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
                **common,
                "cycle_id": self.cycle,
                "replay_method": batch.method,
                "epoch_duration_sec": duration,
                "agent_steps_per_second": len(batch.rows) / duration,
                **self.baseline,
            }
            log(record)
            if stopped_early(fields, self.config):
                break
        return record

    def counters(self) -> dict[str, Any]:
        """Everything that learning depends on besides weights and optimizer, as JSON values."""
        numbers = {name: getattr(self, name) for name in _COUNTERS}
        return {**numbers, "lr": self.optimizer.lr, "baseline": self.baseline}

    def set_counters(self, counters: Mapping[str, Any]) -> None:
        """Restore what :meth:`counters` returned."""
        for name in _COUNTERS:
            setattr(self, name, counters[name])
        self.optimizer.lr, self.baseline = counters["lr"], dict(counters["baseline"])
