"""Kinds of artefacts that name their own files or parents by hash, with a reader for each.

:func:`register` adds a kind. An artefact with a ``lineage.json`` beside it needs no kind.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from townlet.errors import InputError
from townlet.files.artefact_names import (
    BASELINE_NAME,
    CARD_NAME,
    EVALUATION_NAME,
    MANIFEST_NAME,
    OUTSIDE_POLICY_NAME,
    VERIFIED_NAME,
    WEIGHTS_NAME,
)
from townlet.files.filenames import is_file_name
from townlet.files.storage import read_json, require_field
from townlet.lineage.artefact import Artefact, Claim
from townlet.lineage.origins import code_claimed, origin_in, policies_claimed, weights_claimed, words_of
from townlet.lineage.settings import as_text, set_options, settings_in
from townlet.policies import policies_folder


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of artefact: a test for its files, and a reader of their claims."""

    name: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path], Artefact]


#: In order: the first kind that recognises a file reads it.
KINDS: list[Kind] = []


def register(name: str, recognises: Callable[[Path], bool]) -> Callable[[Callable[[Path], Artefact]], Kind]:
    """Return a decorator that registers the decorated reader as a kind."""

    def decorate(read: Callable[[Path], Artefact]) -> Kind:
        kind = Kind(name, recognises, read)
        KINDS.append(kind)
        return kind

    return decorate


def artefact_of(file: Path) -> Artefact | None:
    """Read the artefact that a file belongs to; ``None`` if no kind recognises the file."""
    kind = next((kind for kind in KINDS if kind.recognises(file)), None)
    return kind.read(file) if kind else None


def field(content: dict[str, Any], dotted: str, path: Path, kind: type = object) -> Any:
    """Return a field of a JSON object. Raises InputError if it is missing or not of type ``kind``."""
    return require_field(content, dotted, path, "a field that lineage needs", kind)


def file_name(content: dict[str, Any], dotted: str, path: Path) -> str:
    """Return a field that is a file name, or the beginning of one. Raises InputError like :func:`field`."""
    name = field(content, dotted, path)
    if not is_file_name(name):
        raise InputError.of(path, dotted, repr(name)[:60], "the name of a file")
    return str(name)


def hash_in(content: dict[str, Any], dotted: str, path: Path) -> str:
    """Return a field that holds a hash. Raises InputError like :func:`field`."""
    return str(field(content, dotted, path, str))


def optional_hash(content: dict[str, Any], dotted: str, path: Path) -> str | None:
    """Return a field that holds a hash or null. Raises InputError like :func:`field`."""
    return None if field(content, dotted, path) is None else hash_in(content, dotted, path)


@register("scenario", lambda file: file.suffix in (".yaml", ".yml"))
def scenario(file: Path) -> Artefact:
    """Read a scenario file, where every lineage ends; that of a shipped policy comes from its study.

    Raises InputError if it is not valid.
    """
    from townlet.config import load_scenario

    load_scenario(file)
    shipped = file.resolve().is_relative_to(policies_folder().resolve())
    return Artefact("scenario", file, "townlet study" if shipped else "written by hand")


@register("capture", lambda file: file.name == MANIFEST_NAME or _is_named_by_manifest(file))
def capture(file: Path) -> Artefact:
    """Read a capture: its manifest names its tables, the scenario file, and the weights if a neural policy acted."""
    path = file.with_name(MANIFEST_NAME)
    manifest = read_json(path, "a capture manifest")
    shards = field(manifest, "shards", path, list)
    tables = [*shards, field(manifest, "events", path), field(manifest, "metrics", path)]
    files = tuple(
        Claim(path.parent / file_name(t, "file", path), hash_in(t, "sha256", path), str(path)) for t in tables
    )
    name, policy = (
        file_name(manifest, "scenario.name", path),
        optional_hash(manifest, "behavior.policy_sha256", path),
    )
    made_from = [
        Claim(Path(f"{name}.yaml"), hash_in(manifest, "scenario.file_sha256", path), str(path), located=False),
    ]
    origin = origin_in(field(manifest, "behavior", path, dict), path)
    made_from += policies_claimed(policy, origin, path)
    worlds, ticks, seed = (field(manifest, name, path) for name in ("worlds", "ticks", "seed"))
    words = words_of(origin) or field(manifest, "behavior.name", path)
    made_by = f"townlet capture --behavior {words} --worlds {worlds} --ticks {ticks} --seed {seed}"
    settings = settings_in(field(manifest, "scenario", path, dict), path)
    return Artefact(
        "capture",
        path,
        made_by + set_options(settings, but=("capture.worlds", "ticks", "scenario.seed")),
        files,
        tuple(made_from),
        settings=settings,
        weights=weights_claimed(origin, path),
        code=code_claimed(origin, path),
    )


def _is_named_by_manifest(file: Path) -> bool:
    path = file.with_name(MANIFEST_NAME)
    if not path.is_file():
        return False
    manifest = read_json(path, "a capture manifest")
    shards = manifest.get("shards")
    entries = [*(shards if isinstance(shards, list) else []), manifest.get("events", {}), manifest.get("metrics", {})]
    return file.name in [entry.get("file") for entry in entries if isinstance(entry, dict)]


@register("policy", lambda file: file.name in (CARD_NAME, WEIGHTS_NAME))
def policy(file: Path) -> Artefact:
    """Read a policy: its card names the weights, the trained configuration, and the capture and policy it came from."""
    path = file.with_name(CARD_NAME)
    card = read_json(path, "a policy's card")
    says, provenance = str(path), field(card, "provenance", path, dict)
    environment, settings = environment_in(provenance), settings_in(provenance, path)
    made_from = []
    if environment is None:
        name, configuration = (
            file_name(card, "provenance.scenario", path),
            hash_in(card, "provenance.config_sha256", path),
        )
        made_from.append(_configuration(name, configuration, says, settings))
    if field(card, "provenance.parents", path, dict).get("replay_manifest_sha256") is not None:
        replayed = hash_in(card, "provenance.parents.replay_manifest_sha256", path)
        made_from.append(Claim(Path(MANIFEST_NAME), replayed, says, located=False))
    if field(card, "provenance.parents", path, dict).get("initial_policy_sha256") is not None:
        initial = hash_in(card, "provenance.parents.initial_policy_sha256", path)
        made_from.append(Claim(Path(WEIGHTS_NAME), initial, says, located=False))
    mode, seed = field(card, "provenance.mode", path), field(card, "provenance.seed", path)
    weights = Claim(path.with_name(WEIGHTS_NAME), hash_in(card, "sha256", path), says)
    study = provenance.get("study")
    made_by = study.get("made_by") if isinstance(study, dict) else None
    if environment is not None:
        command = f"townlet train --env {environment} --seed {seed}"
        return Artefact("policy", path, command, (weights,), tuple(made_from), notes=(_NO_TOWN,), has_no_town=True)
    trained = f"townlet train --mode {mode} --seed {seed}{set_options(settings, but=('training.seed',))}"
    return Artefact("policy", path, str(made_by or trained), (weights,), tuple(made_from), settings=settings)


def _configuration(name: str, sha256: str, says: str, settings: Mapping[str, JsonValue]) -> Claim:
    """The claim about the whole configuration of a scenario, with the settings beside its file."""
    return Claim(Path(f"{name}.yaml"), sha256, says, "configuration", located=False, settings=as_text(settings))


_NO_TOWN = "its environment is not a town: no hash leads to it, and the card names its package and source"


def environment_in(content: dict[str, Any]) -> str | None:
    """The name of the environment that something was made in; None for a town."""
    environment = content.get("environment")
    return str(environment.get("name")) if isinstance(environment, dict) else None


@register("baseline", lambda file: file.name == BASELINE_NAME or fnmatch(file.name, "baseline-*.json"))
def baseline(file: Path) -> Artefact:
    """Read a baseline: it names the scenario, by the part that decides rollouts, and any neural policy's weights.

    It also names the manifest of each recorded rollout. Those in the baseline's folder are located; others may lie in
    the folder that it was built into.
    """
    content, says = read_json(file, "a baseline"), str(file)
    name, policy = file_name(content, "scenario", file), optional_hash(content, "policy_sha256", file)
    own, scenario_hash = hash_in(content, "sha256", file), hash_in(content, "scenario_sha256", file)
    settings = settings_in(content, file)
    made_from = [Claim(Path(f"{name}.yaml"), scenario_hash, says, "rollout", located=False, settings=as_text(settings))]
    origin = origin_in(content, file)
    made_from += policies_claimed(policy, origin, file)
    manifests = field(content, "manifests", file, dict)
    rollouts = tuple(_rollout(file, seed, hash_in(manifests, seed, file)) for seed in manifests)
    made_with = field(content, "made_with", file, str)
    return Artefact(
        "baseline",
        file,
        made_with,
        (Claim(file, own, says, "content"),),
        tuple(made_from),
        own,
        settings=settings,
        is_baseline=True,
        rollouts=rollouts,
        places=_built_into(made_with),
        weights=weights_claimed(origin, file),
        code=code_claimed(origin, file),
    )


def _rollout(file: Path, seed: str, manifest: str) -> Claim:
    """The claim about the manifest of a rollout, which is located if it lies in the baseline's folder."""
    from townlet.baselines.build import rollout_folder

    if not (seed.isdecimal() and len(seed) < 20):
        raise InputError.of(file, "manifests", repr(seed)[:60], "seeds")
    place = Path(str(rollout_folder(file.parent, int(seed)))) / MANIFEST_NAME
    beside = place.is_file()
    return Claim(place if beside else Path(MANIFEST_NAME), manifest, str(file), located=beside)


def _built_into(made_with: str) -> tuple[Path, ...]:
    """The folder of the rollouts of a baseline that its command names, relative to the current folder."""
    try:
        words = shlex.split(made_with)
    except ValueError:
        return ()
    folders = [words[index + 1] for index, word in enumerate(words[:-1]) if word == "--output"]
    return tuple(Path(folder).absolute() / "captures" for folder in folders)


@register("replay", lambda file: file.name == VERIFIED_NAME)
def replay(file: Path) -> Artefact:
    """Read a verified capture: it names the manifest."""
    content = read_json(file, "a verified capture")
    manifest = Claim(Path(MANIFEST_NAME), hash_in(content, "manifest_sha256", file), str(file), located=False)
    return Artefact("replay", file, "townlet verify", made_from=(manifest,))


@register("evaluation", lambda file: file.name == EVALUATION_NAME)
def evaluation(file: Path) -> Artefact:
    """Read an evaluation: it names the configuration of the worlds, and the policy's weights or the behaviour."""
    content, says = read_json(file, "an evaluation"), str(file)
    weights, environment = optional_hash(content, "policy_sha256", file), environment_in(content)
    if environment is not None:
        made_from = policies_claimed(weights, None, file)
        return Artefact("evaluation", file, f"townlet evaluate --env {environment}", made_from=made_from)
    name = file_name(content, "scenario.name", file)
    configuration = hash_in(content, "scenario.config_sha256", file)
    origin = origin_in(field(content, "behavior", file, dict), file) if weights is None else None
    settings = settings_in(field(content, "scenario", file, dict), file)
    scenario = _configuration(name, configuration, says, settings)
    return Artefact(
        "evaluation",
        file,
        "townlet evaluate" + set_options(settings),
        made_from=(scenario, *policies_claimed(weights, origin, file)),
        settings=settings,
        weights=weights_claimed(origin, file),
        code=code_claimed(origin, file),
    )


@register("outside_policy", lambda file: file.name == OUTSIDE_POLICY_NAME)
def outside_policy(file: Path) -> Artefact:
    """Read the check of a policy made elsewhere: it names the scenario, and the policy's weights and declared files."""
    content, says = read_json(file, "a checked policy"), str(file)
    name = file_name(content, "scenario.name", file)
    configuration = hash_in(content, "scenario.config_sha256", file)
    made_from = [Claim(Path(f"{name}.yaml"), configuration, says, "configuration", located=False)]
    origin = origin_in(field(content, "behavior", file, dict), file)
    made_from += policies_claimed(optional_hash(content, "behavior.policy_sha256", file), origin, file)
    declared = field(content, "files", file, dict)
    known = set(origin.files.values()) if origin else set()
    others = [Claim(Path(given), digest, says, located=False) for given, digest in declared.items()]
    return Artefact(
        "outside_policy",
        file,
        "townlet check",
        made_from=tuple(made_from),
        weights=(*weights_claimed(origin, file), *(claim for claim in others if claim.sha256 not in known)),
        code=code_claimed(origin, file),
    )
