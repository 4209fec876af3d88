"""Run of a soak, or of its next cycles, by one process: from the options to a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from townlet.files.storage import exclusive, require_folder
from townlet.host.torch_settings import repeatable
from townlet.soak.cycle import Cycles
from townlet.soak.manifest import CYCLES_NAME, LOG_NAME, MANIFEST_NAME, MEASURED_NAME, RESOURCES_NAME, soak_manifest
from townlet.soak.options import SoakOptions, read_inputs
from townlet.soak.pinned_capture import capture_to_replay
from townlet.soak.progress import Progress, SoakProgress
from townlet.soak.session import SoakSession, require_no_soak
from townlet.training.checkpoint import CHECKPOINT_NAME


@dataclass(frozen=True)
class SoakResult:
    """The state of a soak after one process."""

    folder: Path
    scenario: str
    cycles: int
    """Cycles done, over all of its processes."""
    alerts: int
    """Alerts in those cycles, by the scenario's thresholds."""
    finished: bool
    """Whether no cycle is left."""
    process: int
    """1 for the process that began the soak, one more for each that resumed it."""
    resumed_cycle: int | None
    """The cycle after which this process resumed the soak; None if it began it."""
    already_done: bool
    """Whether nothing was left to do; then nothing was changed."""
    standing: SoakProgress | None
    """The progress after this process's last cycle; None if it did none."""


def run_soak(
    options: SoakOptions, *, resume: bool = False, most: int | None = None, progress: Progress | None = None
) -> SoakResult:
    """Run the cycles of a soak, or the next ``most`` of them, in its folder, which is locked meanwhile.

    The folder then holds ``soak.json``, a copy of the baseline, ``telemetry.jsonl`` (schema 1.1), ``cycles.jsonl`` (one
    row of metrics per cycle), ``resources.jsonl`` (what each cycle took), ``measured.json`` and
    ``checkpoint.safetensors``. In one environment, equal options and code give equal bytes of ``soak.json`` and
    ``cycles.jsonl``, and equal telemetry except for clock fields, however often the soak was killed and resumed. With
    ``hours``, the number of cycles depends on the clock.

    Args:
        options: of the soak; a resumed soak must have the same, except for more cycles or hours.
        resume: continue from the folder's checkpoint, or begin if there is none. If False, a checkpoint without a
            soak is removed.
        most: the largest number of cycles to run now.
        progress: called after each cycle with where the soak stands then.

    Raises InputError for unusable input and for a folder that holds a soak already or is being written to;
    TrainingInterrupted, which says where to resume; and TrainingDiverged, with ``divergence.json`` written.
    """
    require_folder(
        options.output, (CYCLES_NAME, RESOURCES_NAME, LOG_NAME, MANIFEST_NAME, MEASURED_NAME, CHECKPOINT_NAME)
    )
    inputs = read_inputs(options)
    with exclusive(options.output), repeatable():
        if not resume:
            require_no_soak(Path(options.output))
        capture, source = capture_to_replay(options, inputs)
        cycles = Cycles(inputs, capture, source, seed=options.seed)
        session = SoakSession(options, cycles, soak_manifest(options, inputs, capture, source), resume=resume)
        resumed_cycle = session.done if session.resumed else None
        with session.writer:
            already_done = session.is_over and session.is_finished
            if not already_done:
                session.run(most, progress)
        return SoakResult(
            folder=session.folder,
            scenario=inputs.scenario.name,
            cycles=session.done,
            alerts=session.alerts,
            finished=session.is_over,
            process=session.process,
            resumed_cycle=resumed_cycle,
            already_done=already_done,
            standing=session.standing,
        )
