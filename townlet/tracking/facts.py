"""Facts about a training that its curves are found and compared by: parameters, tags, and files to keep."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

import townlet
from townlet.files.artefact_names import CARD_NAME, CHECKPOINT_NAME, DIVERGENCE_NAME, WEIGHTS_NAME
from townlet.files.storage import read_json
from townlet.telemetry.reader import part_paths
from townlet.telemetry.truncation import record_digest

_CHECKPOINT_FORMAT = "townlet-checkpoint"

Value = str | int | float | bool


@dataclass(frozen=True)
class Facts:
    """What is known of a training, beside its log."""

    parameters: Mapping[str, Value] = field(default_factory=dict)
    """The configuration, with dotted names."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What identifies the training: hashes, versions, seed."""
    is_unfinished: bool = False
    """Whether there is a checkpoint and no policy yet."""
    is_diverged: bool = False


def facts_of(folder: Path, configured: Mapping[str, Any] | None = None) -> Facts:
    """Read the facts about the training in a folder from its checkpoint, its policy's card and its diagnosis.

    Args:
        folder: of the training; files that it lacks are passed over.
        configured: the training's configuration; by default as the card has it, or else the checkpoint.
    """
    plan, card = _checkpoint_in(folder)[0], _card_in(folder)
    provenance = card.get("provenance", {})
    training = configured or provenance.get("training") or plan.get("training", {})
    town = plan.get("scenario", {})
    options = {
        "mode": plan.get("mode", provenance.get("mode")),
        "device": plan.get("device", provenance.get("device", "cpu" if provenance else None)),
        "log_frequency": plan.get("log", {}).get("frequency", provenance.get("log_frequency")),
        "reward_scale": plan.get("reward_scale"),
    }
    sections = {**options, "observations": town.get("observations", {}), **training}
    code = plan.get("code", {})
    tags = {
        "version": townlet.__version__,
        "scenario": town.get("name", provenance.get("scenario")),
        "environment": _name_of(plan.get("environment", provenance.get("environment"))),
        "mode": options["mode"],
        "device": options["device"],
        "seed": training.get("seed"),
        "scenario_sha256": provenance.get("config_sha256"),
        "town_sha256": town.get("town_sha256"),
        "code_sha256": code.get("sha256"),
        "kernel": code.get("kernel", provenance.get("kernel")),
        **{f"{name}_version": code.get(name) for name in ("torch", "numpy", "numba")},
        "replay_manifest_sha256": plan.get("replay_manifest_sha256"),
        "initial_policy_sha256": plan.get("initial_policy_sha256"),
        "policy_sha256": card.get("sha256"),
    }
    return Facts(
        parameters=dict(_flattened(sections)),
        tags={name: str(value) for name, value in tags.items() if value is not None},
        is_unfinished=bool(plan) and not card,
        is_diverged=(folder / DIVERGENCE_NAME).exists(),
    )


def facts_for(folder: Path, records: Sequence[Mapping[str, Any]]) -> Facts:
    """Read the facts about the training in a folder; none if a log with these records is not that training's."""
    progress = _checkpoint_in(folder)[1]
    offset = int(progress.get("log_offset", 0))
    if offset > 0:
        same = len(records) >= offset and record_digest(records[offset - 1]) == progress.get("log_record_sha256")
    else:
        provenance = _card_in(folder).get("provenance", {})
        same = 0 <= int(provenance.get("epochs", -1)) - records[-1]["epoch"] < int(provenance.get("log_frequency", 1))
    return facts_of(folder) if same else Facts()


def kept_files(folder: Path, log: Path) -> dict[Path, str]:
    """Return the files of a training to keep with its curves, each with the folder that it belongs in."""
    policy = [folder / name for name in (CARD_NAME, WEIGHTS_NAME)]
    # A policy without both files was never completely saved.
    found = dict.fromkeys(policy, "policy") if all(file.is_file() for file in policy) else {}
    diagnosis = folder / DIVERGENCE_NAME
    return found | ({diagnosis: ""} if diagnosis.is_file() else {}) | dict.fromkeys(part_paths(log), "telemetry")


def summary_page(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the summary of a valid log as a page of HTML."""
    from townlet.telemetry.summary import summarize
    from townlet.view.report import summary_html

    return str(summary_html(summarize(records, None), list(records)))


def _checkpoint_in(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Plan and progress in the folder's checkpoint, whose beginning alone is read; empty without a readable one."""
    file = folder / CHECKPOINT_NAME
    if not file.is_file():
        return {}, {}
    try:
        with safe_open(file, framework="numpy") as opened:
            described = json.loads((opened.metadata() or {}).get(_CHECKPOINT_FORMAT, "{}"))
            plan, progress = json.loads(described.get("plan", "{}")), described.get("progress", {})
    except (OSError, SafetensorError, ValueError, AttributeError, TypeError):
        return {}, {}
    return (plan, progress) if isinstance(plan, dict) and isinstance(progress, dict) else ({}, {})


def _card_in(folder: Path) -> dict[str, Any]:
    file = folder / CARD_NAME
    return read_json(file, "a policy's card") if file.is_file() else {}


def _name_of(environment: Any) -> str | None:
    return environment.get("name") if isinstance(environment, Mapping) else None


def _flattened(value: Any, name: str = "") -> Iterator[tuple[str, Value]]:
    """Pairs of a dotted name and a value; lists are values, as JSON, and null is left out."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flattened(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        yield name, json.dumps(value)
    elif value is not None:
        yield name, value
