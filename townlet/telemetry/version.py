"""Version of a log: a hash without clock fields, so that equal trainings share it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from townlet.files.storage import canonical_json, sha256
from townlet.telemetry.record import CLOCK_FIELDS


def without_clock(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return telemetry records without the fields that differ between otherwise identical runs."""
    return [{name: v for name, v in record.items() if name not in CLOCK_FIELDS} for record in records]


def telemetry_version(records: Iterable[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of a log without clock fields, as one line of canonical JSON per record."""
    return sha256("\n".join(canonical_json(record) for record in without_clock(records)).encode())
