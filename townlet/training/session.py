"""One process's part of a training: resumption from a checkpoint, the remaining phases, and new checkpoints."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from townlet.config.base import Section
from townlet.config.training import Mode, planned_phases
from townlet.config.validate import validated
from townlet.errors import InputError
from townlet.files.storage import AnyPath, as_path, pretty_json, read_json, write_atomically
from townlet.telemetry import TelemetryWriter
from townlet.telemetry.writer import require_log
from townlet.training.checkpoint import CHECKPOINT_NAME
from townlet.training.folder import ATTEMPTS_NAME, set_aside_previous_policy
from townlet.training.harness import TrainingHarness
from townlet.training.learner import Log
from townlet.training.listener import TrainingListener
from townlet.training.resumable import Resumable

if TYPE_CHECKING:
    from townlet.capture import Capture

# Epochs before a divergence that its diagnosis repeats.
_RECENT_EPOCHS = 3


class Attempts(Section):
    """The content of ``attempts.json``, which only a resumed training has."""

    attempt: Annotated[int, Field(ge=1)] = 1
    """1 for the process that began, one more for each that resumed."""
    updates_lost: Annotated[int, Field(ge=0)] = 0
    """Optimizer steps in the log that earlier attempts took after their last checkpoint, and that were done again."""


class TrainingSession:
    """One process's part of a training in the folder ``output``, whose lock the caller holds.

    With ``resume`` the harness is put where the folder's checkpoint left it. Without it, or without a checkpoint, the
    training begins.

    Args:
        output: the training's folder.
        harness: a new one.
        mode: where experience comes from.
        plan: see :func:`townlet.training.plan.training_plan`.
        every: phases between two checkpoints; None keeps them under 2 % of the time.
        resume: whether to resume.

    Raises InputError for a checkpoint that is damaged or of another plan, with nothing changed.
    """

    def __init__(
        self,
        output: AnyPath,
        harness: TrainingHarness,
        mode: Mode,
        plan: Mapping[str, Any],
        *,
        every: int | None,
        resume: bool,
    ) -> None:
        self.output, self.harness, self.mode = as_path(output), harness, mode
        self.phases = planned_phases(mode, harness.config)
        self.work = Resumable(output, harness, plan, every=every)
        self.attempts = Attempts()
        if resume and self.work.restore(self._require_length):
            self.attempts = _read_attempts(output)
        self.resumed_epoch = harness.epoch if self.work.resumed else None

    @property
    def is_done(self) -> bool:
        """Whether no phase is left."""
        return self.work.progress.phases == self.phases

    @property
    def rewards(self) -> tuple[float | None, float | None]:
        """The mean rewards of the first and of the last epoch that count; None before the first."""
        rewards = self.work.rewards
        return (rewards[0], rewards[-1]) if rewards else (None, None)

    def require_log(self, path: Path) -> None:
        """Raise InputError unless the log there is this training's, up to the checkpoint; change nothing."""
        progress = self.work.progress
        require_log(path, offset=progress.log_offset, record_sha256=progress.log_record_sha256)

    def run(self, writer: TelemetryWriter, capture: Capture | None, source: str, progress: Log | None) -> None:
        """Run the phases that are left, with telemetry and checkpoints.

        Args:
            writer: of the telemetry log, from :meth:`Resumable.open_log`.
            capture: the recorded data, for the modes that replay one.
            source: its file, which errors name.
            progress: called after each epoch with its telemetry fields; a :class:`TrainingListener` is told the
                beginning, too.

        Raises what :meth:`Resumable.explaining_stops` and :meth:`TrainingHarness.run` raise.
        """
        self._begin(writer)
        if isinstance(progress, TrainingListener):
            progress.begins(self.work.resumed, self.harness.config)
        recent: deque[dict[str, Any]] = deque(maxlen=_RECENT_EPOCHS)

        def log(fields: dict[str, Any]) -> None:
            if self._has_own_reward(fields):
                self._note_reward(fields.get("fresh_reward_mean", fields["reward_mean"]))
            recent.append(fields)
            writer.write(fields)
            if progress is not None:
                progress(fields)

        def after_phase(done: int) -> None:
            self.work.after_round(done, last=done == self.phases)

        with self.work.explaining_stops(self._last_checkpoint, recent):
            self.harness.run(
                self.mode, log, capture=capture, source=source, done=self.work.progress.phases, after_phase=after_phase
            )

    def _begin(self, writer: TelemetryWriter) -> None:
        """Count this attempt or save a first checkpoint, which also shows that the folder can be written; then set
        aside what earlier trainings left."""
        self.work.begin(writer)
        if self.work.resumed:
            lost = self.attempts.updates_lost + writer.updates_removed
            self.attempts = Attempts(attempt=self.attempts.attempt + 1, updates_lost=lost)
            write_atomically(self.output / ATTEMPTS_NAME, pretty_json(self.attempts.model_dump()))
        else:
            self.work.save(0)
            (self.output / ATTEMPTS_NAME).unlink(missing_ok=True)
        set_aside_previous_policy(self.output)

    def _has_own_reward(self, fields: Mapping[str, Any]) -> bool:
        """Whether an epoch shows the network's own reward; in mode replay, the recorded one counts instead."""
        return self.mode == "replay" or (fields["data_mode"] != "replay" and not fields.get("scripted_agent_steps"))

    def _note_reward(self, reward: float) -> None:
        rewards = self.work.rewards
        self.work.rewards = [rewards[0] if rewards else reward, reward]

    def _last_checkpoint(self) -> str:
        place = self.output / CHECKPOINT_NAME
        epoch = self.work.saved_progress().counters.get("epoch", 0)
        return f"the last good checkpoint, after epoch {epoch}, is {place}"

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
