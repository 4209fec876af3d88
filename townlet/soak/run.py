"""One process's share of a soak: it takes up what an earlier one left, does cycles, and saves as it goes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from townlet.baselines.baseline import write_baseline
from townlet.errors import InputError
from townlet.files.outputs import remove_unfinished
from townlet.files.storage import exclusive, pretty_json, read_json, require_folder, write_atomically
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
    soak_manifest,
)
from townlet.soak.options import SoakOptions, read_materials
from townlet.soak.reference import reference_capture
from townlet.soak.resources import Meter
from townlet.soak.rows import RowFile
from townlet.telemetry import TelemetryWriter
from townlet.training.attempt import TrainingInterrupted, plan_of
from townlet.training.checkpoint import CHECKPOINT_NAME, Progress, read_checkpoint, save_checkpoint
from townlet.training.divergence import TrainingDiverged
from townlet.training.folder import write_divergence

#: Largest share of a soak's time that goes into checkpoints.
_SHARE = 0.02

Tell = Callable[[int, int | None, dict[str, Any]], None]


@dataclass(frozen=True)
class SoakResult:
    """How far a soak is."""

    folder: Path
    scenario: str
    cycles: int
    """Cycles done, over all of its processes."""
    alerts: int
    """Alerts by the scenario's thresholds in them."""
    finished: bool
    """Whether no cycle is left."""
    process: int
    """1 for the process that began the soak, more for those that resumed it."""
    resumed_cycle: int | None
    """The cycle after which this process took it up; None if it began it."""
    already_done: bool
    """Whether nothing was left to do, and everything is as it was."""


def run_soak(
    options: SoakOptions, *, resume: bool = False, most: int | None = None, progress: Tell | None = None
) -> SoakResult:
    """Do the cycles of a soak, or the next ``most`` of them, in its folder, which is locked while this runs.

    The folder then holds ``soak.json``, a copy of the baseline, ``telemetry.jsonl`` (schema 1.1), ``cycles.jsonl`` (one
    row of metrics per cycle), ``resources.jsonl`` (what each cycle took), ``measured.json`` and
    ``checkpoint.safetensors``. In one environment, equal options and code give equal bytes of ``soak.json`` and
    ``cycles.jsonl`` however often the soak was killed and resumed, and equal telemetry but for its clock fields; with
    ``hours``, how many cycles there are is up to the clock.

    ``resume`` goes on from the folder's checkpoint and begins where there is none; the options must be those of before,
    but for more cycles or hours. Without it, a checkpoint that lies there alone is removed. ``progress`` is called
    after each cycle with its number, the number planned, and its row. Raises InputError for unusable input and for a
    folder that holds a soak already or is being written, TrainingInterrupted, which says where to go on, and
    TrainingDiverged, with ``divergence.json`` written.
    """
    require_folder(
        options.output, (CYCLES_NAME, RESOURCES_NAME, LOG_NAME, MANIFEST_NAME, MEASURED_NAME, CHECKPOINT_NAME)
    )
    materials = read_materials(options)
    with exclusive(options.output):
        soak = _Soak(options, resume)
        capture, source = reference_capture(options, materials.scenario)
        cycles = Cycles(materials, capture, source, seed=options.seed)
        soak.take_up(cycles, soak_manifest(options, materials, capture, source), resume)
        begun = soak.done
        with soak.writer:
            already_done = soak.is_over and soak.is_finished
            if not already_done:
                soak.run(cycles, most, progress)
        return SoakResult(
            folder=soak.folder,
            scenario=materials.scenario.name,
            cycles=soak.done,
            alerts=soak.alerts,
            finished=soak.is_over,
            process=soak.process,
            resumed_cycle=begun if soak.resumed else None,
            already_done=already_done,
        )


class _Soak:
    """The soak in a folder: how far it is, and its files."""

    def __init__(self, options: SoakOptions, resume: bool) -> None:
        self.options, self.folder = options, Path(options.output)
        self.cycles, self.resources = RowFile(self.folder / CYCLES_NAME), RowFile(self.folder / RESOURCES_NAME)
        self.log = self.folder / LOG_NAME
        self.done, self.alerts, self.process, self.spent, self.resumed = 0, 0, 1, 0.0, False
        if not resume and (self.folder / MANIFEST_NAME).exists():
            expected = "an empty folder, or --resume to go on with it"
            raise InputError.of(self.folder, MANIFEST_NAME, "a soak", expected)

    @property
    def is_over(self) -> bool:
        """Whether no cycle is left to do."""
        cycles, hours = self.options.cycles, self.options.hours
        return (cycles is not None and self.done >= cycles) or (hours is not None and self.spent >= hours * 3600.0)

    @property
    def is_finished(self) -> bool:
        """Whether the folder's manifest says that just this much was done."""
        path = self.folder / MANIFEST_NAME
        if not path.exists():
            return False
        found = read_json(path, "a soak's manifest")
        return found == sealed({**self.manifest, **{name: found.get(name) for name in _RESULTS}, "finished": True})

    def take_up(self, cycles: Cycles, manifest: dict[str, Any], resume: bool) -> None:
        """Put the cycles where the folder's checkpoint left them, and cut the files to it; begin without one, or if
        not to ``resume``.

        Raises InputError, with nothing changed, for a checkpoint that is damaged or of another soak.
        """
        self.manifest = manifest
        plan = _plan(self.options, cycles)
        self._plan = json.dumps(plan, separators=(",", ":"), allow_nan=False)
        checkpoint = read_checkpoint(self.folder) if resume else None
        if checkpoint is None:
            # Before the files that it counts: what is killed from here on is not taken for the one that left it.
            (self.folder / CHECKPOINT_NAME).unlink(missing_ok=True)
            self.writer = TelemetryWriter(self.log)
            self.cycles.cut(0)
            self.resources.cut(0)
            return
        checkpoint.require_plan(plan)
        self.done, offset = checkpoint.progress.phases, checkpoint.progress.log_offset
        planned = self.options.cycles
        if planned is not None and self.done > planned:
            raise InputError.of("options", "--cycles", str(planned), f"at least {self.done}: so many are done")
        checkpoint.restore(cycles.harness)
        rows, used = self.cycles.cut(self.done), self.resources.cut(self.done)
        self.writer = TelemetryWriter.resume(
            self.log, offset=offset, record_sha256=checkpoint.progress.log_record_sha256
        )
        self.alerts = sum(len(row["alerts"]) for row in rows)
        self.spent = sum(float(row["seconds"]) for row in used)
        self.process = 1 + max((int(row["process"]) for row in used), default=0)
        self.resumed = True

    def run(self, cycles: Cycles, most: int | None, progress: Tell | None) -> None:
        """The cycles that are left, at most ``most`` of them, and the manifests once none is."""
        meter = Meter(self.process, self.log)
        last = self.done + most if most is not None else None
        _remove_torn(self.folder)
        write_baseline(self.folder, cycles.materials.baseline)
        write_atomically(self.folder / MANIFEST_NAME, pretty_json(sealed(self.manifest)))
        self._saved, self._saved_at, self._cost = self.done, time.perf_counter(), 0.0
        try:
            while not self.is_over and self.done != last:
                meter.begin()
                row = cycles.run(self.done + 1, self.writer)
                used = meter.end(self.done + 1, row["agent_steps"])
                self._keep(cycles, row, used)
                if progress is not None:
                    progress(self.done, self.options.cycles, row)
            self._save(cycles)
        except KeyboardInterrupt:
            told = f"the last checkpoint in {self.folder} is after cycle {self._saved}; the same command with"
            raise TrainingInterrupted(f"{told} --resume goes on there") from None
        except TrainingDiverged as error:
            told = f"{write_divergence(self.folder, error.report())}; the last cycle saved is {self._saved}"
            raise error.with_note(told) from None
        if self.is_over:
            finish(self.folder, self.manifest, self.done, self.alerts)

    def _keep(self, cycles: Cycles, row: dict[str, Any], used: dict[str, Any]) -> None:
        """Write the rows of a cycle that is done, and a checkpoint if one is due."""
        self.cycles.append(row)
        self.resources.append(used)
        self.done += 1
        self.alerts += len(row["alerts"])
        self.spent += used["seconds"]
        if time.perf_counter() - self._saved_at >= self._cost / _SHARE:
            self._save(cycles)

    def _save(self, cycles: Cycles) -> None:
        """A checkpoint; it must not count rows and lines that a power failure could still take away."""
        started = time.perf_counter()
        for file in (self.writer, self.cycles, self.resources):
            file.sync()
        progress = Progress(
            phases=self.done,
            counters=cycles.harness.counters(),
            log_offset=self.writer.offset,
            log_record_sha256=self.writer.record_sha256,
        )
        save_checkpoint(self.folder, cycles.harness, self._plan, progress)
        self._saved, self._saved_at = self.done, time.perf_counter()
        self._cost = self._saved_at - started


#: Fields of the manifest that say what came out.
_RESULTS = ("cycles_done", "alerts", "telemetry_records_sha256", "files")


def _remove_torn(folder: Path) -> None:
    """Remove the unfinished files of processes that were killed; the caller holds the folder's lock."""
    names = (MANIFEST_NAME, MEASURED_NAME, CHECKPOINT_NAME, re.compile(r"baseline-[^.]*\.json"))
    remove_unfinished(folder, names)


def _plan(options: SoakOptions, cycles: Cycles) -> dict[str, Any]:
    """Everything that a soak's result depends on besides its length."""
    materials = cycles.materials
    soak = {
        "seed": options.seed,
        "night": options.night,
        "baseline_sha256": materials.baseline.sha256,
        "policy_sha256": materials.policy_sha256,
        "learning": options.learning,
        "code_sha256": soak_code_sha256(),
    }
    log = {"version": 1.1}
    return plan_of(materials.scenario, "mixed", cycles.capture.manifest_sha256, log) | {"soak": soak}
