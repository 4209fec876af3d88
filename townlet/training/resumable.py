"""Resumable work on a harness, a training or a soak: its checkpoints, its log, and how it reports a stop."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from townlet.errors import InputError
from townlet.files.storage import AnyPath
from townlet.telemetry import TelemetryWriter
from townlet.training.checkpoint import Progress, read_checkpoint, save_checkpoint
from townlet.training.divergence import TrainingDiverged, jsonable
from townlet.training.folder import write_divergence
from townlet.training.harness import TrainingHarness

#: The largest share of the time that checkpoints take, unless their interval is given.
CHECKPOINT_SHARE = 0.02


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C; the message says where the work can be resumed."""


class Syncable(Protocol):
    """A file that is appended to."""

    def sync(self) -> None:
        """Flush what was written to the device."""
        ...


class Resumable:
    """One process's part of some work on a harness, in a folder whose lock the caller holds.

    The work proceeds in rounds: the phases of a training, or the cycles of a soak. To resume, call :meth:`restore`
    first. Then call :meth:`open_log` and :meth:`begin`, and :meth:`after_round` after each round.

    Args:
        folder: holds the checkpoint.
        harness: a new one.
        plan: everything that the result depends on, except for the length; a resuming process must have the same.
        every: rounds between two checkpoints; None keeps them under 2 % of the time.
    """

    def __init__(
        self, folder: AnyPath, harness: TrainingHarness, plan: Mapping[str, Any], *, every: int | None = None
    ) -> None:
        self.folder, self.harness, self.every = folder, harness, every
        #: Progress as of the last checkpoint.
        self.progress = Progress()
        #: Kept in every checkpoint; see :attr:`Progress.rewards`.
        self.rewards: list[float] = []
        self.resumed = False
        self._given_plan, self._plan = plan, json.dumps(plan, separators=(",", ":"), allow_nan=False)

    def restore(self, require_length: Callable[[int], None]) -> bool:
        """Put the harness where the folder's checkpoint left it; return whether there is a checkpoint.

        ``require_length`` is called with the number of rounds done; it raises InputError if fewer are planned. Raises
        InputError for a checkpoint that is damaged or of another plan. Changes no file.
        """
        checkpoint = read_checkpoint(self.folder)
        if checkpoint is None:
            return False
        checkpoint.require_plan(self._given_plan)
        require_length(checkpoint.progress.phases)
        checkpoint.restore(self.harness)
        self.progress, self.rewards = checkpoint.progress, list(checkpoint.progress.rewards)
        self.resumed = True
        return True

    def open_log(self, path: Path, **options: Any) -> TelemetryWriter:
        """The telemetry log's writer; the log of resumed work is cut to the checkpoint.

        Raises InputError if that is another log.
        """
        if not self.resumed:
            return TelemetryWriter(path, **options)
        progress = self.progress
        return TelemetryWriter.resume(
            path, offset=progress.log_offset, record_sha256=progress.log_record_sha256, **options
        )

    def begin(self, writer: TelemetryWriter, *others: Syncable) -> None:
        """Start the clock. Every checkpoint counts the records of ``writer`` and the rows of the other files."""
        self._writer, self._others = writer, others
        self._cost, self._saved_at = 0.0, time.perf_counter()

    def after_round(self, done: int, *, last: bool = False) -> None:
        """Save a checkpoint after ``done`` rounds if one is due, and always after the last round."""
        if self.every is not None:
            due = done - self.progress.phases >= self.every
        else:
            due = time.perf_counter() - self._saved_at >= self._cost / CHECKPOINT_SHARE
        if due or last:
            self.save(done)

    def save(self, done: int) -> None:
        """Save a checkpoint after ``done`` rounds."""
        started = time.perf_counter()
        # A checkpoint must not count lines that a power failure could still take away.
        for file in (self._writer, *self._others):
            file.sync()
        progress = Progress(
            phases=done,
            counters=self.harness.counters(),
            log_offset=self._writer.offset,
            log_record_sha256=self._writer.record_sha256,
            rewards=self.rewards,
        )
        save_checkpoint(self.folder, self.harness, self._plan, progress)
        self.progress = progress
        self._saved_at = time.perf_counter()
        self._cost = self._saved_at - started

    def saved_progress(self) -> Progress:
        """The progress in the checkpoint on the disk, which may be newer than ``progress``.

        An interruption can come between the moment when a checkpoint is in its place and the note of it.
        """
        try:
            saved = read_checkpoint(self.folder)
        except InputError:
            saved = None
        return self.progress if saved is None else saved.progress

    @contextmanager
    def explaining_stops(
        self, last_checkpoint: Callable[[], str], recent: Iterable[Mapping[str, Any]] | None = None
    ) -> Iterator[None]:
        """While the rounds run, make interruptions and divergences say where the last checkpoint is.

        Args:
            last_checkpoint: describes it.
            recent: the last epochs' telemetry fields, for ``divergence.json``.

        Raises TrainingInterrupted for Ctrl-C, and TrainingDiverged with ``divergence.json`` written.
        """
        try:
            yield
        except KeyboardInterrupt:
            raise TrainingInterrupted(f"{last_checkpoint()}; the same command with --resume goes on there") from None
        except TrainingDiverged as error:
            epochs = {} if recent is None else {"epochs": jsonable(list(recent))}
            written = write_divergence(self.folder, error.report() | epochs)
            raise error.with_note(f"{written}; {last_checkpoint()}") from None
