"""Manifests of a soak: ``soak.json``, its identity, progress and hashes, and ``measured.json``, its measurements."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, JsonValue

from townlet.baselines.baseline import Count, Sha256, own_sha256, require_own_sha256
from townlet.config.base import Section
from townlet.config.validate import validated
from townlet.files.artefact_names import SOAK_NAME
from townlet.files.filenames import AnyFile
from townlet.files.storage import AnyPath, pretty_json, read_json, sha256, write_atomically
from townlet.host.installation import commit, describe_installation
from townlet.policies.origin import Origin
from townlet.soak.rows import RowFile
from townlet.sources import sources_sha256
from townlet.telemetry import read_records
from townlet.telemetry.log_hash import log_sha256

if TYPE_CHECKING:
    from townlet.capture import Capture
    from townlet.soak.options import SoakInputs, SoakOptions

MANIFEST_NAME, MEASURED_NAME = SOAK_NAME, "measured.json"
LOG_NAME, CYCLES_NAME, RESOURCES_NAME = "telemetry.jsonl", "cycles.jsonl", "resources.jsonl"
SCHEMA_VERSION = 2

Amount = Annotated[int, Field(ge=0)]


class Source(Section):
    """A file that the soak began with."""

    file: AnyFile
    """Relative to the soak's folder or to the project's, or as the options name it."""
    sha256: Sha256


class Rows(Section):
    """A file that the soak wrote."""

    sha256: Sha256
    rows: Amount


class SoakManifest(Section):
    """``soak.json``; its own SHA-256 covers everything else in it."""

    format: Literal["townlet-soak"]
    schema_version: Literal[2]
    scenario: str
    scenario_sha256: Sha256
    """See :func:`townlet.baselines.scenario_sha256`."""
    settings: dict[str, JsonValue] = {}
    """Settings beside the scenario's file, by full key; see :mod:`townlet.config.settings`."""
    scenario_file_sha256: Sha256
    night: str | None
    mode: Literal["learning", "frozen"]
    learning: bool
    seed: Amount
    cycles: Count | None
    hours: float | None
    baseline: Source
    worlds: Count
    ticks: Count
    behavior: str
    """The baseline's."""
    origin: Origin | None = None
    """Of that behaviour, if it is made outside Townlet."""
    policy: Sha256 | None
    """SHA-256 of the weights that the network began with."""
    capture: Source
    training: dict[str, JsonValue]
    bounds_not_applied: dict[str, float] = {}
    """The scenario's bounds, by signal, that raise no alert because the network learns and learning moves the field."""
    code_version: Sha256
    environment: dict[str, str]
    finished: bool
    cycles_done: Amount
    alerts: Amount
    telemetry_records_sha256: Sha256 | None = None
    """Of the log without its clock fields; present once finished."""
    files: dict[str, Rows]
    """By name; present once finished."""
    sha256: Sha256


class Measured(Section):
    """``measured.json``: everything that differs between equal soaks."""

    commit: str | None
    files: dict[str, Rows]


def read_manifest(folder: AnyPath) -> dict[str, Any]:
    """The manifest of the soak in a folder. Raises InputError if it is damaged, altered or of another format."""
    path = Path(str(folder)) / MANIFEST_NAME
    content = read_json(path, "a soak's manifest")
    validated(content, SoakManifest, path)
    require_own_sha256(path, content)
    return content


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest with its own SHA-256."""
    return {**manifest, "sha256": own_sha256(manifest)}


def soak_manifest(options: SoakOptions, inputs: SoakInputs, capture: Capture, source: str) -> dict[str, Any]:
    """The manifest of a soak before its first cycle, not sealed yet.

    It is equal for equal soaks of the same code in the same environment, wherever their folders are.
    """
    baseline, training = inputs.baseline, inputs.scenario.training
    return {
        "format": "townlet-soak",
        "schema_version": SCHEMA_VERSION,
        "scenario": inputs.scenario.name,
        "scenario_sha256": baseline.scenario_sha256,
        **({"settings": dict(inputs.scenario.settings)} if inputs.scenario.settings else {}),
        "scenario_file_sha256": inputs.scenario_file_sha256,
        "night": options.night,
        "mode": "learning" if options.learning else "frozen",
        "learning": options.learning,
        "seed": options.seed,
        "cycles": options.cycles,
        "hours": options.hours,
        "baseline": {"file": baseline.file_name, "sha256": baseline.sha256},
        "worlds": baseline.worlds,
        "ticks": baseline.ticks,
        "behavior": baseline.behavior,
        **({} if baseline.origin is None else {"origin": baseline.origin.model_dump()}),
        "policy": inputs.policy_sha256,
        "capture": {"file": source, "sha256": capture.manifest_sha256},
        "training": training.model_dump(mode="json"),
        "bounds_not_applied": inputs.bounds_not_applied,
        "code_version": soak_code_sha256(),
        "environment": environment(),
        "finished": False,
        "cycles_done": 0,
        "alerts": 0,
        "files": {},
    }


def finish(folder: Path, manifest: Mapping[str, Any], cycles: int, alerts: int) -> None:
    """Write both manifests of a finished soak; ``soak.json``, which says that it is finished, comes last."""
    log = folder / LOG_NAME
    records = read_records(log)
    telemetry = {"sha256": sha256(log.read_bytes()), "rows": len(records)}
    measured = {"files": {RESOURCES_NAME: RowFile(folder / RESOURCES_NAME).entry(), LOG_NAME: telemetry}}
    write_atomically(folder / MEASURED_NAME, pretty_json({"commit": commit(), **measured}))
    done = {
        "finished": True,
        "cycles_done": cycles,
        "alerts": alerts,
        "telemetry_records_sha256": log_sha256(records),
        "files": {CYCLES_NAME: RowFile(folder / CYCLES_NAME).entry()},
    }
    write_atomically(folder / MANIFEST_NAME, pretty_json(sealed({**manifest, **done})))


def records_sha256(log: Path) -> str:
    """SHA-256 of a training log without its clock fields. Raises InputError for a log that is not valid."""
    return log_sha256(read_records(log))


def soak_code_sha256() -> str:
    """SHA-256 over the sources that decide a cycle's outcome: rules, behaviours, capture, training and metrics."""
    return sources_sha256("townlet.soak.cycle")


def environment() -> dict[str, str]:
    """Versions of numeric libraries, and the kind of machine: all that equal bytes may depend on."""
    now = describe_installation()
    machine = now["machine"]
    return {
        "python": now["python"],
        "platform": f"{machine['system'].split()[0]} {machine['architecture']}",
        **{name: now["packages"][name] for name in ("numpy", "numba", "torch")},
    }
