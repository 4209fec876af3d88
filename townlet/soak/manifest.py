"""``soak.json``: what a soak is, how far it is, and the hashes of what it left; and ``measured.json`` beside it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from hashlib import sha256 as new_sha256
from pathlib import Path
from typing import Any

from townlet.baselines.build import commit
from townlet.capture import Capture
from townlet.capture.record import code_sha256
from townlet.soak.options import Materials, SoakOptions
from townlet.soak.rows import RowFile
from townlet.storage import pretty_json, sha256, write_atomically
from townlet.telemetry import read_records
from townlet.telemetry.version import telemetry_version

MANIFEST_NAME, MEASURED_NAME = "soak.json", "measured.json"
LOG_NAME, CYCLES_NAME, RESOURCES_NAME = "telemetry.jsonl", "cycles.jsonl", "resources.jsonl"
SCHEMA_VERSION = 1


def soak_manifest(options: SoakOptions, materials: Materials, capture: Capture, source: str) -> dict[str, Any]:
    """What a soak is, before anything is done: equal for equal soaks, wherever and whenever they run."""
    baseline, training = materials.baseline, materials.scenario.training
    return {
        "format": "townlet-soak",
        "schema_version": SCHEMA_VERSION,
        "scenario": materials.scenario.name,
        "scenario_sha256": baseline.scenario_sha256,
        "scenario_file_sha256": materials.scenario_file_sha256,
        "night": options.night,
        "mode": "learning" if options.learning else "frozen",
        "learning": options.learning,
        "seed": options.seed,
        "cycles": options.cycles,
        "hours": options.hours,
        "baseline": {"file": materials.baseline_file, "sha256": baseline.sha256},
        "worlds": baseline.worlds,
        "ticks": baseline.ticks,
        "behavior": baseline.behavior,
        "policy": materials.policy_sha256,
        "capture": {"file": source, "sha256": capture.manifest_sha256},
        "training": training.model_dump(mode="json"),
        "code_version": soak_code_sha256(),
        "environment": environment(),
        "finished": False,
        "cycles_done": 0,
        "alerts": 0,
        "files": {},
    }


def finish(folder: Path, manifest: Mapping[str, Any], cycles: int, alerts: int) -> None:
    """Write both manifests of a soak that is done; the one that says so comes last."""
    log = folder / LOG_NAME
    telemetry = {"sha256": sha256(log.read_bytes()), "rows": len(read_records(log))}
    measured = {"files": {RESOURCES_NAME: RowFile(folder / RESOURCES_NAME).entry(), LOG_NAME: telemetry}}
    write_atomically(folder / MEASURED_NAME, pretty_json({"commit": commit(), **measured}))
    done = {
        "finished": True,
        "cycles_done": cycles,
        "alerts": alerts,
        "telemetry_records_sha256": records_sha256(log),
        "files": {CYCLES_NAME: RowFile(folder / CYCLES_NAME).entry()},
    }
    write_atomically(folder / MANIFEST_NAME, pretty_json({**manifest, **done}))


def records_sha256(log: Path) -> str:
    """SHA-256 of what a training log says, its clock fields aside. Raises InputError for a log that is not valid."""
    return telemetry_version(read_records(log))


@cache
def soak_code_sha256() -> str:
    """SHA-256 over the sources that decide what a cycle is: rules, behaviours, recording, training and measuring."""
    package = Path(__file__).parent.parent
    decisive = [package / "baselines" / f"{name}.py" for name in ("measure", "metrics")]
    decisive += [*(package / "soak" / f"{name}.py" for name in ("cycle", "options")), *package.glob("training/*.py")]
    digest = new_sha256(code_sha256().encode())
    for source in sorted(decisive):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def environment() -> dict[str, str]:
    """Versions of what computes, and of the machine's kind."""
    import numba
    import numpy as np
    import torch

    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "numpy": np.__version__,
        "numba": numba.__version__,
        "torch": torch.__version__,
    }
