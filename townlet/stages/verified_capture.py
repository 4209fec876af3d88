"""A capture that was verified, and what a trainer needs to know about it: ``replay.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.files.storage import pretty_json, read_bytes, read_json, require_field, sha256, write_atomically


def write_replay(manifest_path: Path, output: Path) -> tuple[dict[str, Any], str]:
    """Verify a capture and write what :func:`describe_replay` says; return that and the file's SHA-256."""
    replay = describe_replay(manifest_path)
    return replay, write_atomically(output, pretty_json(replay))


def describe_replay(manifest_path: Path) -> dict[str, Any]:
    """Verify a capture and say what there is to learn from it.

    Raises InputError if any file is not what the manifest says, or if a person has no agent-step in it.
    """
    from townlet.capture import verify_capture

    manifest = verify_capture(manifest_path)
    least = len(manifest.people)
    if manifest.rows < least:
        raise InputError.of(manifest_path, "rows", str(manifest.rows), f"at least {least}, one per person")
    parts = [*manifest.shards, manifest.events, manifest.metrics]
    return {
        "manifest_sha256": manifest_sha256(manifest_path),
        "scenario": manifest.scenario.name,
        "config_sha256": manifest.scenario.config_sha256,
        "agent_steps": manifest.rows,
        "ticks": manifest.ticks,
        "worlds": manifest.worlds,
        "people": manifest.people,
        "behavior": manifest.behavior.model_dump(mode="json"),
        "method": "cloning" if manifest.behavior.deterministic else "vtrace",
        "observation_features": len(manifest.observation),
        "actions": manifest.actions,
        "files": len(parts),
        "bytes": sum(part.bytes for part in parts),
        "totals": manifest.totals,
    }


def manifest_sha256(manifest_path: Path) -> str:
    """The hash that stands for a whole capture."""
    return sha256(read_bytes(manifest_path, "a capture manifest"))


def require_verified(manifest_path: Path, replay_path: Path) -> str:
    """SHA-256 of ``replay_path``; raises InputError unless the capture is the one that it says was verified."""
    what = "a verified capture (materialize replay_manifest)"
    expected = require_field(read_json(replay_path, what), "manifest_sha256", replay_path, what, str)
    found = manifest_sha256(manifest_path)
    if found != expected:
        raise InputError.of(
            manifest_path, "", f"SHA-256 {found}", f"{expected}, which was verified (materialize replay_manifest)"
        )
    return sha256(read_bytes(replay_path, what))
