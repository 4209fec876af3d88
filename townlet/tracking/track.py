"""Track of one training at one destination: it follows the training's log, which alone says what the points are."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.telemetry.curves import CurveReader, Point
from townlet.telemetry.follow import Follower
from townlet.tracking.book import note_run, run_in
from townlet.tracking.destination import Destination
from townlet.tracking.facts import Facts, facts_of, kept_files, summary_page
from townlet.tracking.mlflow_run import MlflowRun
from townlet.tracking.run import Status, missing_points
from townlet.tracking.tensorboard_run import TensorboardRun

#: Seconds after which a destination that was away is tried again.
RETRY_SECONDS = 10.0


def identity_of(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a log's first record, clock fields included, which no other training shares."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def run_at(destination: Destination) -> MlflowRun | TensorboardRun:
    """Return an object for a run at a destination, not yet begun."""
    return MlflowRun(destination) if destination.tool == "mlflow" else TensorboardRun(destination)


class Track:
    """The writer of one training's run.

    Points are those of the log. After the beginning, and whenever the destination was away, they are compared with the
    run's, and what is missing is added; otherwise the log's new lines are.

    Args:
        destination: where the run is.
        folder: of the training.
        log: the training's log.
        warn: called with a sentence when the destination is away, and when it is back.
    """

    def __init__(self, destination: Destination, folder: Path, log: Path, warn: Callable[[str], None]) -> None:
        self.run, self.destination = run_at(destination), destination
        self._folder, self._log, self._warn = folder, log, warn
        self._follower, self._curves = Follower(log), CurveReader()
        self._beyond: dict[str, frozenset[int]] = {}
        self._is_compared, self._is_identified = False, False
        self._away_since: float | None = None
        self._open: Callable[[], None] | None = None

    def begin(self, name: str, facts: Facts, *, resumed: bool) -> None:
        """Begin the run, or go on with the one in the folder's book if the training is resumed."""
        earlier = run_in(self._folder, self.destination)

        def open_run() -> None:
            if earlier and not resumed:
                self._mark_abandoned(earlier)
            self.run.open(name, earlier if resumed else None)
            note_run(self._folder, self.destination, self.run.run_id, self.run.link)
            self.run.describe(facts)
            # A new run has no points yet that the log could be compared with.
            self._is_compared = not resumed

        self._open = open_run
        self._attempt(open_run)

    def follow(self) -> None:
        """Add what the log has more than at the last look."""
        if self._away_since is not None and time.monotonic() - self._away_since < RETRY_SECONDS:
            return
        self._attempt(self._add_new)

    def finish(self, status: Status, facts: Facts) -> str:
        """Add all that is missing, keep the training's files, and set the state; return why not if that failed."""
        try:
            self._finish(status, facts)
        except InputError as error:
            return str(error)
        return ""

    def _finish(self, status: Status, facts: Facts) -> None:
        self._add_new()
        self.run.describe(facts)
        keep_files(self.run, self._folder, self._log)
        self.run.end(status)
        self.run.close()

    def _add_new(self) -> None:
        if self._open is not None and not self.run.run_id:
            self._open()
        if not self._is_compared:
            self._compare()
            return
        records = [line.record for line in self._follower.poll() if line.record is not None]
        # Should adding fail, these lines count as unread, and the next contact compares.
        self._is_compared = False
        self._add(records)
        self._is_compared = True

    def _compare(self) -> None:
        self._follower, self._curves = Follower(self._log), CurveReader()
        records = [line.record for line in self._follower.poll() if line.record is not None]
        points = [point for record in records for point in self._curves.points(record)]
        missing = missing_points(self.run, points, self._log)
        self._beyond = missing.beyond
        self.run.note_curves(point.curve for point in points)
        self._identify(records)
        self.run.add(missing.points)
        self._is_compared = True

    def _add(self, records: list[dict[str, Any]]) -> None:
        self._identify(records)
        points = (point for record in records for point in self._curves.points(record))
        new: list[Point] = [point for point in points if point.step not in self._beyond.get(point.curve, ())]
        if new:
            self.run.add(new)

    def _identify(self, records: list[dict[str, Any]]) -> None:
        if records and not self._is_identified:
            self.run.identify(identity_of(records[0]))
            self._is_identified = True

    def _attempt(self, work: Callable[[], None]) -> None:
        """Do some work at the destination. A failure is told once, and so is the return."""
        was_away = self._away_since is not None
        try:
            work()
        except InputError as error:
            if not was_away:
                self._warn(
                    f"{self.run.shown} cannot be written to; the training goes on, and its points follow: {error}"
                )
            self._away_since = time.monotonic()
            self._is_compared = False
        else:
            self._away_since = None
            if was_away:
                self._warn(f"{self.run.shown} can be written to again; no point is missing")

    def _mark_abandoned(self, run_id: str) -> None:
        """A training that began anew replaces an unfinished one, whose run would otherwise stay RUNNING for ever."""
        if isinstance(self.run, MlflowRun):
            self.run.abandon(run_id)


def keep_files(run: MlflowRun | TensorboardRun, folder: Path, log: Path) -> None:
    """Keep a training's files with its run, and the summary of its log."""
    from townlet.telemetry.reader import read_log
    from townlet.telemetry.render import render_markdown
    from townlet.telemetry.summary import summarize

    files = {file: place for file, place in kept_files(folder, log).items() if file.is_file()}
    records = [line.record for line in read_log(log).lines if line.record] if log.is_file() else []
    summary = render_markdown(summarize(records, None)) if records else ""
    run.keep(files, summary, summary_page(records) if records else "")


def facts_with(folder: Path, configured: Mapping[str, Any] | None, given: Mapping[str, str]) -> Facts:
    """The facts about a training, with tags that its caller gives."""
    facts = facts_of(folder, configured)
    return Facts(facts.parameters, {**facts.tags, **given}, facts.is_unfinished, facts.is_diverged)
