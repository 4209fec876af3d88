"""Searching: trials drawn, worked on, pruned and recorded, one after the other or several at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from townlet.config import Scenario
from townlet.config.settings import with_settings
from townlet.errors import InputError
from townlet.statistics.bootstrap import iqm
from townlet.sweep.options import SweepOptions
from townlet.sweep.records import Report, TrialRecord, read_records, trial_folder, write_record
from townlet.sweep.search import next_settings, pruned
from townlet.sweep.space import Space
from townlet.sweep.tasks import Outcome, Task


class Searching:
    """The trials of a sweep in its folder, whose lock the caller holds.

    Args:
        scenario: with what is fixed for all trials.
        space: of settings.
        options: those of the sweep.
        total: finished trials in all.
        tell: called after every change.
    """

    def __init__(
        self, scenario: Scenario, space: Space, options: SweepOptions, total: int, tell: Callable[[], None]
    ) -> None:
        self._scenario, self._space, self._options, self._total, self._tell = scenario, space, options, total, tell
        self._folder = Path(options.output)
        self.records = read_records(self._folder)
        # Trials that an earlier process left unfinished go on first.
        self._left = [record for record in self.records if not record.is_finished]

    @property
    def finished(self) -> int:
        """Number of trials that are over."""
        return sum(record.is_finished for record in self.records)

    @property
    def best(self) -> TrialRecord | None:
        """The trial with the best score; the first of several."""
        scored = [record for record in self.records if record.score is not None]
        return max(scored, key=lambda one: self._options.sign * float(one.score or 0.0), default=None)

    def next_task(self) -> Task | None:
        """The next trial's task; None if there is none now. Draws settings, and passes over those that are refused."""
        while True:
            record = self._left.pop(0) if self._left else self._drawn()
            if record is None:
                return None
            try:
                return self._task(record)
            except InputError as error:
                self._finish(record, Outcome("failed", reason="; ".join(str(error).splitlines())))

    def stop(self, task: Task, step: int, value: float) -> bool:
        """Take a report of a trial; return whether it is to be pruned."""
        record = self.records[int(task.name.rpartition("-")[2])]
        record = record.model_copy(update={"reports": (*record.reports, Report(step=step, value=value))})
        prune, notes = pruned(self._space, self._options, self._before(record.number), record)
        self.records[record.number] = record.model_copy(update={"notes": notes})
        self._tell()
        return prune

    def done(self, task: Task, outcome: Outcome) -> None:
        """Record the outcome of a trial."""
        self._finish(self.records[int(task.name.rpartition("-")[2])], outcome)

    def _drawn(self) -> TrialRecord | None:
        """A new trial; None if there are enough, or if it depends on one that is not over."""
        number = len(self.records)
        known = self.records[: max(0, number - self._options.lag + 1)]
        if number >= self._total or not all(record.is_finished for record in known):
            return None
        record = TrialRecord(number=number, settings=next_settings(self._space, self._options, self._before(number)))
        write_record(self._folder, record)
        self.records.append(record)
        return record

    def _before(self, number: int) -> list[TrialRecord]:
        """The trials before one as it may know them: of the latest, the settings alone."""
        known = number - self._options.lag
        return [
            record if record.number <= known else TrialRecord(number=record.number, settings=record.settings)
            for record in self.records[:number]
        ]

    def _task(self, record: TrialRecord) -> Task:
        options, name = self._options, trial_folder(self._folder, record.number).name
        return Task(
            name=name,
            scenario=with_settings(self._scenario, record.settings, name),
            town=self._scenario,
            folder=trial_folder(self._folder, record.number),
            seeds=options.seeds,
            metric=options.metric,
            worlds=options.worlds,
            world_seed=options.world_seeds(self._scenario)[0],
            reports=options.pruned_by != "none",
        )

    def _finish(self, record: TrialRecord, outcome: Outcome) -> None:
        complete = outcome.state == "complete"
        after = record.model_copy(
            update={
                "state": outcome.state,
                "reason": outcome.reason,
                "scores": outcome.scores,
                "score": iqm(np.array(outcome.scores)) if complete else None,
            }
        )
        self.records[record.number] = after
        write_record(self._folder, after)
        self._tell()
