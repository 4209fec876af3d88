"""Hash of a log without its clock fields, so that equal trainings have equal hashes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from townlet.files.storage import canonical_json, sha256
from townlet.telemetry.record import CLOCK_FIELDS


def without_clock(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return telemetry records without the fields that differ between otherwise identical runs."""
    return [{name: v for name, v in record.items() if name not in CLOCK_FIELDS} for record in records]


def log_sha256(records: Iterable[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of a log: of its records without clock fields, each as a line of canonical JSON."""
    return sha256("\n".join(canonical_json(record) for record in without_clock(records)).encode())
