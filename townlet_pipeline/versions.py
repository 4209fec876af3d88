"""Versions: of the code that an asset runs, and of what came out of it."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import townlet
from townlet.storage import canonical_json, sha256
from townlet.telemetry.record import CLOCK_FIELDS

_PACKAGE = Path(townlet.__file__).parent


def code_version(*modules: str, files: Iterable[Path] = ()) -> str:
    """A short hash over the sources of modules of ``townlet``, such as ``capture`` or ``training/run.py``.

    ``files`` are further files that decide what comes out. Raises FileNotFoundError for a module that is not there.
    """
    digest = hashlib.sha256()
    for module in modules:
        place = _PACKAGE / module
        for source in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(f"{source.relative_to(_PACKAGE)}\0".encode() + source.read_bytes() + b"\0")
    for file in files:
        digest.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def without_clock(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Telemetry records less the fields that differ between two otherwise identical runs."""
    return [{name: v for name, v in record.items() if name not in CLOCK_FIELDS} for record in records]


def telemetry_version(records: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 of what a log says, its clock fields aside: one line of canonical JSON per record."""
    return sha256("\n".join(canonical_json(record) for record in without_clock(records)).encode())
