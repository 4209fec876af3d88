"""A finished soak, read back: its manifest, and its cycles as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.config.validate import validated
from townlet.errors import InputError
from townlet.files.storage import AnyPath, read_bytes, read_json, require_field, sha256
from townlet.soak.manifest import (
    CYCLES_NAME,
    LOG_NAME,
    MANIFEST_NAME,
    MEASURED_NAME,
    RESOURCES_NAME,
    Measured,
    read_manifest,
    records_sha256,
)
from townlet.soak.rows import RowFile

Columns = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Soak:
    """A finished soak of ``C`` cycles."""

    folder: Path
    manifest: dict[str, Any]
    """``soak.json``; see :class:`townlet.soak.manifest.SoakManifest`."""
    cycles: Columns
    """The numbers of ``cycles.jsonl`` by name, float64 [C]; NaN where a cycle has none."""
    resources: Columns
    """The same of ``resources.jsonl``."""
    alerts: Sequence[Sequence[Mapping[str, Any]]]
    """Per cycle, the alerts by the scenario's thresholds."""


def read_soak(folder: AnyPath) -> Soak:
    """Read a finished soak and check every file against its manifests. Raises InputError naming what does not match."""
    root = Path(str(folder))
    manifest = read_manifest(root)
    if not manifest["finished"]:
        expected = "the manifest of a finished soak"
        raise InputError.of(root / MANIFEST_NAME, "finished", "a soak that is not finished", expected)
    measured = read_json(root / MEASURED_NAME, "the hashes of what was measured")
    validated(measured, Measured, root / MEASURED_NAME)
    for source, content, named in (
        (MANIFEST_NAME, manifest, (CYCLES_NAME,)),
        (MEASURED_NAME, measured, (RESOURCES_NAME, LOG_NAME)),
    ):
        for name in named:
            _require_hash(root / name, content["files"].get(name, {}).get("sha256"), source)
    if records_sha256(root / LOG_NAME) != manifest["telemetry_records_sha256"]:
        expected = f"those of telemetry_records_sha256 in {MANIFEST_NAME}"
        raise InputError.of(root / LOG_NAME, "", "other records", expected)
    rows, used = RowFile(root / CYCLES_NAME).rows(), RowFile(root / RESOURCES_NAME).rows()
    if not len(rows) == len(used) == manifest["cycles_done"]:
        found = f"{len(rows)} rows, and {len(used)} in {RESOURCES_NAME}"
        raise InputError.of(root / CYCLES_NAME, "", found, f"{manifest['cycles_done']}, as {MANIFEST_NAME} says")
    alerts = [require_field(row, "alerts", root / CYCLES_NAME, "the alerts of a cycle", list) for row in rows]
    return Soak(root, manifest, columns_of(rows), columns_of(used), alerts)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> Columns:
    """The numbers of ``C`` rows by name, float64 [C]; NaN where a row has none."""
    numbers = [
        {name: value for name, value in row.items() if isinstance(value, int | float) and not isinstance(value, bool)}
        for row in rows
    ]
    names = dict.fromkeys(name for row in numbers for name in row)
    return {name: np.array([row.get(name, np.nan) for row in numbers], np.float64) for name in names}


def _require_hash(file: Path, expected: str | None, source: str) -> None:
    digest = sha256(read_bytes(file, f"the file that {source} names"))
    if digest != expected:
        raise InputError.of(file, "", f"SHA-256 {digest}", f"{expected}, as {source} says")
