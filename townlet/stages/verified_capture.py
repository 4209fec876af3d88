"""Verification of a capture, recorded in ``replay.json``, which names the capture and describes it to a trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.files.storage import pretty_json, read_bytes, read_json, require_field, sha256, write_atomically


def write_verification(manifest_path: Path, output: Path) -> tuple[dict[str, Any], str]:
    """Verify a capture, and write what :func:`verify_and_describe` returns; return it with the file's SHA-256."""
    description = verify_and_describe(manifest_path)
    return description, write_atomically(output, pretty_json(description))


def verify_and_describe(manifest_path: Path) -> dict[str, Any]:
    """Verify a capture, and describe what a training can learn from it.

    Raises InputError if a file differs from the manifest, or if there are fewer agent-steps than people.
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
        "method": "cloning" if manifest.behavior.without_chances else "vtrace",
        "observation_features": len(manifest.observation),
        "actions": manifest.actions,
        "files": len(parts),
        "bytes": sum(part.bytes for part in parts),
        "totals": manifest.totals,
    }


def manifest_sha256(manifest_path: Path) -> str:
    """Return the hash that identifies a whole capture."""
    return sha256(read_bytes(manifest_path, "a capture manifest"))


def require_verified(manifest_path: Path, replay_path: Path) -> str:
    """Return the SHA-256 of ``replay_path``. Raises InputError unless it names this capture as verified."""
    what = "a verified capture (materialize replay_manifest)"
    expected = require_field(read_json(replay_path, what), "manifest_sha256", replay_path, what, str)
    found = manifest_sha256(manifest_path)
    if found != expected:
        raise InputError.of(
            manifest_path, "", f"SHA-256 {found}", f"{expected}, which was verified (materialize replay_manifest)"
        )
    return sha256(read_bytes(replay_path, what))
