"""The version of a log: a hash of what it says, which two equal trainings share although they took different times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from townlet.files.storage import canonical_json, sha256
from townlet.telemetry.record import CLOCK_FIELDS


def without_clock(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Telemetry records less the fields that differ between two otherwise identical runs."""
    return [{name: v for name, v in record.items() if name not in CLOCK_FIELDS} for record in records]


def telemetry_version(records: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 of what a log says, its clock fields aside: one line of canonical JSON per record."""
    return sha256("\n".join(canonical_json(record) for record in without_clock(records)).encode())
