"""Real soaks, run as a real night is, for their network metrics and resources."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from townlet.baselines.build import build_baseline
from townlet.config import Scenario, load_scenario
from townlet.config.find import find_scenario
from townlet.files.storage import pretty_json, write_atomically
from townlet.soak.drift_detection import REFERENCE
from townlet.soak.evidence import metrics_of, resources_of
from townlet.soak.manifest import MANIFEST_NAME, read_manifest, soak_code_sha256
from townlet.soak.options import SoakOptions
from townlet.soak.read import read_soak
from townlet.soak.resources import WARM_UP
from townlet.soak.run import run_soak
from townlet.study.drift.nights import RecordedSoak
from townlet.study.drift.settings import Settings, Size
from townlet.study.progress import Progress


def studied_scenario(name: str, size: Size, work: Path) -> Path:
    """The file of a shipped scenario, or of a smaller copy of it in ``work``."""
    file = Path(str(find_scenario(name)))
    if size.ticks is None:
        return file
    content = load_scenario(file).model_dump(mode="json")
    content["ticks"] = size.ticks
    content["training"] |= {
        "worlds": size.worlds,
        "rollout_ticks": min(content["training"]["rollout_ticks"], size.ticks),
    }
    smaller = work / f"{name}.yaml"
    write_atomically(smaller, pretty_json(content))
    return smaller


def record_soak(file: Path, settings: Settings, learning: bool, work: Path, progress: Progress) -> RecordedSoak:
    """Run a soak of ``settings.recorded`` cycles; it is kept in ``work``, and an interrupted one is resumed."""
    scenario, cycles, mode = load_scenario(file), settings.recorded, "learning" if learning else "frozen"
    worlds = settings.scenarios[scenario.name].worlds
    size = f"{mode}-{settings.seeds}x{worlds}-{cycles}"
    folder = work / f"soak-{scenario.name}-{scenario.digest[:8]}-{soak_code_sha256()[:8]}-{size}"
    options = SoakOptions(
        scenario=file,
        output=folder,
        baseline=_baseline(file, scenario, folder, settings.seeds, worlds),
        cycles=cycles,
        learning=learning,
        seed=99,
    )
    note = f"{scenario.name} soak, {mode}"
    run_soak(options, resume=True, progress=lambda now: progress(now.done, cycles, note))
    soak = read_soak(folder)
    warm = soak.resources["process_cycle"] > WARM_UP
    network = {name: values[warm] for name, values in metrics_of(soak.cycles).items() if not name.startswith(REFERENCE)}
    resources = {name: values[warm] for name, values in resources_of(soak.resources).items()}
    seconds = float(np.median(soak.resources["seconds"][warm]))
    reference_worlds, network_worlds = soak.manifest["worlds"], soak.manifest["training"]["worlds"]
    return RecordedSoak(network, resources, seconds, reference_worlds, network_worlds)


def _baseline(file: Path, scenario: Scenario, soak: Path, seeds: int, worlds: int) -> Path:
    """The baseline of the soak in a folder: the one it was started with, or a new one."""
    if (soak / MANIFEST_NAME).exists():
        return soak / str(read_manifest(soak)["baseline"]["file"])
    folder = soak.parent / f"baseline-{scenario.name}-{soak.name.split('-')[3]}"
    return Path(str(build_baseline(file, folder, seeds=seeds, worlds=worlds, captures=False).path))
