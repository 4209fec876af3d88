"""Real soak with learning off, run as a real night is, for its network metrics and resources."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from townlet.baselines.build import build_baseline
from townlet.config import Scenario
from townlet.config.find import find_scenario
from townlet.files.storage import AnyPath
from townlet.soak.drift_detection import REFERENCE
from townlet.soak.evidence import metrics_of, resources_of
from townlet.soak.manifest import MANIFEST_NAME, read_manifest, soak_code_sha256
from townlet.soak.options import SoakOptions
from townlet.soak.read import read_soak
from townlet.soak.resources import WARM_UP
from townlet.soak.run import run_soak
from townlet.study.drift.nights import RecordedSoak
from townlet.study.drift.settings import Settings
from townlet.study.progress import Progress


def record_soak(scenario: Scenario, settings: Settings, work: Path, progress: Progress) -> tuple[RecordedSoak, float]:
    """Run a soak of ``settings.soak_cycles`` cycles; return it and the seconds that one night's cycles take.

    The soak is kept in ``work``; an interrupted one is resumed.
    """
    cycles = settings.soak_cycles
    size = f"{settings.seeds}x{settings.worlds}-{cycles}"
    stem = f"soak-{scenario.name}-{scenario.digest[:8]}-{soak_code_sha256()[:8]}-{size}"
    source = find_scenario(scenario.name)
    options = SoakOptions(
        scenario=Path(str(source)),
        output=work / stem,
        baseline=_baseline(source, work / stem, settings),
        cycles=cycles,
        learning=False,
        seed=99,
    )
    run_soak(options, resume=True, progress=lambda now: progress(now.done, cycles, f"{scenario.name} soak"))
    soak = read_soak(work / stem)
    warm = soak.resources["process_cycle"] > WARM_UP
    network = {name: values[warm] for name, values in metrics_of(soak.cycles).items() if not name.startswith(REFERENCE)}
    resources = {name: values[warm] for name, values in resources_of(soak.resources).items()}
    return RecordedSoak(network, resources), float(np.median(soak.resources["seconds"][warm])) * settings.cycles


def _baseline(source: AnyPath, soak: Path, settings: Settings) -> AnyPath:
    """The baseline of the soak in a folder: the one it was started with, or a new one."""
    if (soak / MANIFEST_NAME).exists():
        return soak / str(read_manifest(soak)["baseline"]["file"])
    folder = soak.with_name(f"{soak.name}-baseline")
    return build_baseline(source, folder, seeds=settings.seeds, worlds=settings.worlds, captures=False).path
