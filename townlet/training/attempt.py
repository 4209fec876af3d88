"""One process's share of a training: it takes up what an earlier one left, and saves as it goes."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
from pydantic import Field, JsonValue

from townlet.config.base import Section
from townlet.config.faults import validated
from townlet.config.scenario import Scenario
from townlet.errors import InputError
from townlet.files.storage import AnyPath, as_path, pretty_json, read_json, write_atomically
from townlet.sources import sources_sha256
from townlet.telemetry import TelemetryWriter
from townlet.telemetry.truncation import require_log
from townlet.training.checkpoint import CHECKPOINT_NAME, Progress, read_checkpoint, save_checkpoint
from townlet.training.folder import ATTEMPTS_NAME, clear_way
from townlet.training.harness import TrainingHarness, phase_kinds

if TYPE_CHECKING:
    from townlet.training.harness import Mode

# Largest share of a training's time that goes into checkpoints, unless told how often to make them.
_SHARE = 0.02


class Attempts(Section):
    """``attempts.json``: what distinguishes a training that was resumed from one that was not."""

    attempt: Annotated[int, Field(ge=1)] = 1
    """1 for the process that began, one more for each that resumed."""
    updates_lost: Annotated[int, Field(ge=0)] = 0
    """Optimizer steps in the log that earlier attempts took after their last checkpoint, and that were done again."""


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C; the message says where the training can be taken up again."""


def plan_of(
    scenario: Scenario, mode: Mode, capture_sha256: str | None, log: Mapping[str, JsonValue], device: str = "cpu"
) -> dict[str, Any]:
    """Everything that a training's result depends on besides its length: what a resumption must not change.

    ``scenario`` has its options overridden already. Texts and thresholds for people are left out.
    """
    town = scenario.model_dump(mode="json", exclude={"description", "telemetry", "capture", "training"})
    training, ppo = scenario.training, scenario.training.ppo
    spanned = training.cycles if "linear" in (ppo.lr_schedule, ppo.entropy_schedule) else None
    return {
        "mode": mode,
        "replay_manifest_sha256": capture_sha256,
        "device": device,
        "training": training.model_dump(mode="json", exclude={"cycles"}),
        "cycles_spanned_by_schedules": spanned,
        # The order of people and objects is part of a town, but no difference between two mappings.
        "scenario": {**town, "town_sha256": scenario.town_digest},
        "log": dict(log),
        "code": {"sha256": sources_sha256("townlet.training.run"), "torch": torch.__version__, "numpy": np.__version__},
    }


class Attempt:
    """One process's share of a training in the folder ``output``, whose lock the caller holds.

    With ``resume`` the harness is put where the folder's checkpoint left it; without one, or without ``resume``, it
    begins. Raises InputError for a checkpoint that is damaged or of another plan, with nothing changed.

    A checkpoint is made after every ``every`` phases; absent, as often as keeps it under 2 % of the time.
    """

    def __init__(
        self, output: AnyPath, harness: TrainingHarness, plan: Mapping[str, Any], *, every: int | None, resume: bool
    ) -> None:
        self.output, self.harness, self.every = output, harness, every
        self.phases = len(phase_kinds(plan["mode"], harness.config.replay.mixing)) * harness.config.cycles
        self.progress, self.attempts = Progress(), Attempts()
        checkpoint = read_checkpoint(output) if resume else None
        if checkpoint is not None:
            checkpoint.require_plan(plan)
            self._require_length(checkpoint.progress.phases)
            checkpoint.restore(harness)
            self.progress, self.attempts = checkpoint.progress, _read_attempts(output)
        self.resumed = checkpoint is not None
        self.resumed_epoch = self._saved_epoch = harness.epoch
        self.rewards = list(self.progress.rewards)
        self._plan = json.dumps(plan, separators=(",", ":"), allow_nan=False)
        self._cost, self._saved_at = 0.0, time.perf_counter()

    @property
    def is_done(self) -> bool:
        """Whether no phase is left."""
        return self.progress.phases == self.phases

    def open_log(self, path: Path, **options: Any) -> TelemetryWriter:
        """The log's writer; a resumed one is cut to the checkpoint. Raises InputError if it is another log."""
        if not self.resumed:
            return TelemetryWriter(path, **options)
        progress = self.progress
        return TelemetryWriter.resume(
            path, offset=progress.log_offset, record_sha256=progress.log_record_sha256, **options
        )

    def require_log(self, path: Path) -> None:
        """Raise InputError unless the log there is this training's, up to the checkpoint; change nothing."""
        require_log(path, offset=self.progress.log_offset, record_sha256=self.progress.log_record_sha256)

    def begin(self, writer: TelemetryWriter) -> None:
        """Show that the folder can be written, by counting this attempt or making a first checkpoint, and clear away
        what earlier trainings left."""
        self._writer = writer
        if self.resumed:
            lost = self.attempts.updates_lost + writer.updates_removed
            self.attempts = Attempts(attempt=self.attempts.attempt + 1, updates_lost=lost)
            write_atomically(as_path(self.output) / ATTEMPTS_NAME, pretty_json(self.attempts.model_dump()))
        else:
            self._save(0)
            (as_path(self.output) / ATTEMPTS_NAME).unlink(missing_ok=True)
        clear_way(self.output)

    def note_reward(self, reward: float) -> None:
        """Take the mean reward of an epoch; the first and the last are kept."""
        self.rewards = [self.rewards[0] if self.rewards else reward, reward]

    def after_phase(self, done: int) -> None:
        """Make a checkpoint if one is due; after the last phase it is."""
        if self.every is not None:
            due = done - self.progress.phases >= self.every
        else:
            due = time.perf_counter() - self._saved_at >= self._cost / _SHARE
        if due or done == self.phases:
            self._save(done)

    @property
    def whereabouts(self) -> str:
        """Where the last good checkpoint lies, in words."""
        place = as_path(self.output) / CHECKPOINT_NAME
        return f"the last good checkpoint, after epoch {self._saved_epoch}, is {place}"

    def _save(self, phases: int) -> None:
        started = time.perf_counter()
        # A checkpoint must not name lines that a power failure could still take away.
        self._writer.sync()
        progress = self.progress.model_copy(
            update={
                "phases": phases,
                "counters": self.harness.counters(),
                "log_offset": self._writer.offset,
                "log_record_sha256": self._writer.record_sha256,
                "rewards": self.rewards,
            }
        )
        save_checkpoint(self.output, self.harness, self._plan, progress)
        self.progress, self._saved_epoch = progress, self.harness.epoch
        self._saved_at = time.perf_counter()
        self._cost = self._saved_at - started

    def _require_length(self, done: int) -> None:
        if done > self.phases:
            per_cycle = self.phases // self.harness.config.cycles
            expected = f"at least {math.ceil(done / per_cycle)}: so many are done"
            raise InputError.of("training options", "cycles", str(self.harness.config.cycles), expected)


def _read_attempts(folder: AnyPath) -> Attempts:
    path = as_path(folder) / ATTEMPTS_NAME
    if not path.exists():
        return Attempts()
    return validated(read_json(path, "the number of attempts"), Attempts, path)
