"""One process's part of a soak: it resumes what an earlier one left, runs cycles, and saves as it goes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from townlet.baselines.baseline import write_baseline
from townlet.errors import InputError
from townlet.files.outputs import remove_unfinished
from townlet.files.storage import pretty_json, read_json, write_atomically
from townlet.soak.cycle import Cycles
from townlet.soak.manifest import (
    CYCLES_NAME,
    LOG_NAME,
    MANIFEST_NAME,
    MEASURED_NAME,
    RESOURCES_NAME,
    finish,
    sealed,
    soak_code_sha256,
)
from townlet.soak.options import SoakOptions
from townlet.soak.progress import Progress, ProgressTracker, SoakProgress
from townlet.soak.resources import Meter
from townlet.soak.rows import RowFile
from townlet.training.checkpoint import CHECKPOINT_NAME
from townlet.training.plan import training_plan
from townlet.training.resumable import Resumable

#: Fields of the manifest that hold results.
_RESULTS = ("cycles_done", "alerts", "telemetry_records_sha256", "files")
#: Files of a soak that are replaced as a whole, by name or pattern.
_REPLACED = (MANIFEST_NAME, MEASURED_NAME, CHECKPOINT_NAME, re.compile(r"baseline-[^.]*\.json"))


def require_no_soak(folder: Path) -> None:
    """Raise InputError if a folder holds a soak already."""
    if (folder / MANIFEST_NAME).exists():
        raise InputError.of(folder, MANIFEST_NAME, "a soak", "an empty folder, or --resume to continue it")


class SoakSession:
    """One process's part of the soak in the options' folder, whose lock the caller holds.

    With ``resume``, ``cycles`` is put where the folder's checkpoint left it, and the files are cut to it. Without
    ``resume``, or without a checkpoint, the soak begins. ``manifest`` comes from
    :func:`townlet.soak.manifest.soak_manifest`.

    Raises InputError, with nothing changed, for a checkpoint that is damaged or of another soak.
    """

    def __init__(self, options: SoakOptions, cycles: Cycles, manifest: dict[str, Any], *, resume: bool) -> None:
        self.options, self.cycles, self.manifest, self.folder = options, cycles, manifest, Path(options.output)
        self.rows, self.resources = RowFile(self.folder / CYCLES_NAME), RowFile(self.folder / RESOURCES_NAME)
        self.log = self.folder / LOG_NAME
        self.work = Resumable(self.folder, cycles.harness, _plan(options, cycles))
        self.resumed = resume and self.work.restore(self._require_length)
        if not self.resumed:
            # The checkpoint goes before the rows that it counts: a kill must not leave it without them.
            (self.folder / CHECKPOINT_NAME).unlink(missing_ok=True)
            self.writer = self.work.open_log(self.log)
        #: Cycles done, over all processes of the soak.
        self.done = self.work.progress.phases
        rows, used = self.rows.cut(self.done), self.resources.cut(self.done)
        if self.resumed:
            self.writer = self.work.open_log(self.log)
        #: Alerts and seconds of work in those cycles, and the number of this process, counted from 1.
        self.alerts = sum(len(row["alerts"]) for row in rows)
        self.seconds = sum(float(row["seconds"]) for row in used)
        self.process = 1 + max((int(row["process"]) for row in used), default=0)
        #: Where the soak stands after the last cycle of this process; None before its first.
        self.standing: SoakProgress | None = None
        self._watch = ProgressTracker(cycles.inputs.baseline, cycles=options.cycles, hours=options.hours, rows=rows)

    @property
    def is_over(self) -> bool:
        """Whether no cycle is left to do."""
        cycles, hours = self.options.cycles, self.options.hours
        return (cycles is not None and self.done >= cycles) or (hours is not None and self.seconds >= hours * 3600.0)

    @property
    def is_finished(self) -> bool:
        """Whether the folder's manifest is that of this very soak, finished."""
        path = self.folder / MANIFEST_NAME
        if not path.exists():
            return False
        found = read_json(path, "a soak's manifest")
        return found == sealed({**self.manifest, **{name: found.get(name) for name in _RESULTS}, "finished": True})

    def run(self, most: int | None, progress: Progress | None) -> None:
        """Run the cycles that are left, at most ``most`` of them, and write the manifests once none is left.

        Raises what :meth:`Resumable.explaining_stops` raises.
        """
        last = self.done + most if most is not None else None
        remove_unfinished(self.folder, _REPLACED)
        write_baseline(self.folder, self.cycles.inputs.baseline)
        write_atomically(self.folder / MANIFEST_NAME, pretty_json(sealed(self.manifest)))
        self.work.begin(self.writer, self.rows, self.resources)
        meter = Meter(self.process, self.log)
        with self.work.explaining_stops(self._last_checkpoint):
            while not self.is_over and self.done != last:
                self.standing = self._run_cycle(meter)
                if progress is not None:
                    progress(self.standing)
            self.work.save(self.done)
        if self.is_over:
            finish(self.folder, self.manifest, self.done, self.alerts)

    def _run_cycle(self, meter: Meter) -> SoakProgress:
        """Run the next cycle, append its rows, and save a checkpoint if one is due; return where the soak stands."""
        meter.begin()
        row = self.cycles.run(self.done + 1, self.writer, meter.pause)
        used = meter.end(self.done + 1, row["agent_steps"])
        self.rows.append(row)
        self.resources.append(used)
        self.done += 1
        self.alerts += len(row["alerts"])
        self.seconds += used["seconds"]
        self.work.after_round(self.done)
        return self._watch.after(self.done, row, seconds=used["seconds"], total=self.seconds)

    def _last_checkpoint(self) -> str:
        return f"the last checkpoint in {self.folder} is after cycle {self.work.saved_progress().phases}"

    def _require_length(self, done: int) -> None:
        planned = self.options.cycles
        if planned is not None and done > planned:
            raise InputError.of("options", "--cycles", str(planned), f"at least {done}: so many are done")


def _plan(options: SoakOptions, cycles: Cycles) -> dict[str, Any]:
    """Everything that a soak's result depends on besides its length."""
    inputs = cycles.inputs
    soak = {
        "seed": options.seed,
        "night": options.night,
        "baseline_sha256": inputs.baseline.sha256,
        "policy_sha256": inputs.policy_sha256,
        "learning": options.learning,
        "code_sha256": soak_code_sha256(),
    }
    log = {"version": 1.1}
    return training_plan(inputs.scenario, "mixed", cycles.capture.manifest_sha256, log) | {"soak": soak}
