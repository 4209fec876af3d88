"""Kinds of artefacts of a soak: the soak itself, the verdict on it, and the acceptance report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.files.artefact_names import ACCEPTANCE_STEM, DRIFT_NAME, SOAK_NAME, WEIGHTS_NAME
from townlet.files.filenames import is_file_name
from townlet.files.storage import read_json
from townlet.lineage.artefact import Artefact, Claim
from townlet.lineage.kinds import field, file_name, hash_in, optional_hash, register
from townlet.lineage.settings import as_text, set_options, settings_in

_CYCLES, _MEASURED = "cycles.jsonl", "measured.json"
#: Files that stand for the soak whose manifest lies beside them.
_OF_A_SOAK = (SOAK_NAME, _CYCLES, _MEASURED, "resources.jsonl", "telemetry.jsonl")
_REPORTS = (DRIFT_NAME, *(f"{ACCEPTANCE_STEM}.{suffix}" for suffix in ("json", "html", "md")))


@register("soak", lambda file: file.name in _OF_A_SOAK and file.with_name(SOAK_NAME).is_file())
def soak(file: Path) -> Artefact:
    """Read a soak: its manifest names its results, its copy of the baseline, the scenario, and what it replayed."""
    path = file.with_name(SOAK_NAME)
    content, says = read_json(path, "a soak's manifest"), str(path)
    own, name = hash_in(content, "sha256", path), file_name(content, "scenario", path)
    settings = settings_in(content, path)
    digest, given = hash_in(content, "scenario_sha256", path), as_text(settings)
    scenario = Claim(Path(f"{name}.yaml"), digest, says, "rollout", located=False, settings=given)
    copy = file_name(content, "baseline.file", path)
    baseline = Claim(path.with_name(copy), hash_in(content, "baseline.sha256", path), says, "content")
    replayed = Path(str(field(content, "capture.file", path, str)))
    if not is_file_name(replayed.name):
        raise InputError.of(path, "capture.file", repr(str(replayed))[:60], "the path of a capture's manifest")
    made_from = [scenario, baseline, Claim(replayed, hash_in(content, "capture.sha256", path), says, located=False)]
    policy = optional_hash(content, "policy", path)
    if policy is not None:
        made_from.append(Claim(Path(WEIGHTS_NAME), policy, says, located=False))
    files = [Claim(path, own, says, "content"), *_results(content, path)]
    measured = path.with_name(_MEASURED)
    if measured.is_file():
        files += _results(read_json(measured, "the hashes of what was measured"), measured)
    made_by = f"townlet soak{set_options(settings)}"
    return Artefact("soak", path, made_by, tuple(files), tuple(made_from), own, settings=settings)


@register("acceptance", lambda file: file.name in _REPORTS)
def acceptance(file: Path) -> Artefact:
    """Read a verdict on a soak or an acceptance report: it names the soak by its cycles, and the baseline.

    Neither carries a hash of itself; only the record of an asset in the store has one. The page names nothing, so its
    JSON is read for it.
    """
    path = file if file.suffix == ".json" else file.with_suffix(".json")
    content, says = read_json(path, "an acceptance report"), str(path)
    cycles = next((claim for claim in _results(content, path, "soak.files") if claim.file.name == _CYCLES), None)
    if cycles is None:
        raise InputError.of(path, "soak.files", "nothing", f"the hash of {_CYCLES}, which lineage needs")
    baseline = hash_in(content, "baseline_sha256", path)
    made_from = (
        Claim(Path(_CYCLES), cycles.sha256, says, located=False),
        Claim(Path(f"baseline-{baseline[:12]}.json"), baseline, says, "content", located=False),
    )
    read = "" if path == file else f"; {path.name}, which has none either, was read for it"
    notes = (f"{file.name} has no hash on record{read}: only what it was made from is checked",)
    return Artefact("acceptance", path, "townlet drift", made_from=made_from, notes=notes)


def _results(content: dict[str, Any], path: Path, where: str = "files") -> Iterator[Claim]:
    """The claims about the files that a manifest lists by name."""
    for name, entry in field(content, where, path, dict).items():
        if not (is_file_name(name) and isinstance(entry, dict)):
            raise InputError.of(path, f"{where}.{name}"[:80], repr(entry)[:60], "a file's name with its hash")
        yield Claim(path.with_name(name), hash_in(entry, "sha256", path), str(path))
