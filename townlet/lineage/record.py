"""Lineage records: a ``lineage.json`` beside an artefact, with the hashes of its files and of its sources."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from townlet.config.base import Section
from townlet.config.validate import validated
from townlet.errors import InputError
from townlet.files.filenames import AnyFile
from townlet.files.storage import canonical_json, pretty_json, read_json, sha256, write_atomically
from townlet.lineage.artefact import Artefact, Claim, LineageError, file_sha256

RECORD_NAME = "lineage.json"

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class RecordedFile(Section):
    """A file, by its path from the record's folder."""

    file: AnyFile
    sha256: Sha256


class LineageRecord(Section):
    """The content of ``lineage.json``."""

    format: Literal["townlet-lineage"] = "townlet-lineage"
    version: Literal[1] = 1
    kind: str
    """The artefact's kind, such as ``trained_policy``."""
    made_by: str
    """The command that makes it."""
    made_from: list[RecordedFile]
    """Empty for a scenario."""
    files: Annotated[list[RecordedFile], Field(min_length=1)]
    """All files of the folder, the main one first."""
    sha256: str = ""
    """Of this record as canonical JSON with this field empty."""

    def own_hash(self) -> str:
        """Compute the value that ``sha256`` must have."""
        return sha256(canonical_json(self.model_dump() | {"sha256": ""}).encode())


def write_record(main: Path, *, kind: str, made_by: str, made_from: Mapping[str, Path] | None = None) -> LineageRecord:
    """Write the record of all visible files in the folder of ``main``, and of the files they were made from.

    ``made_from`` maps the kind of each source to its file. Raises InputError if a file is missing.
    """
    folder = main.parent
    sources = list((made_from or {}).values())
    for source in (main, *sources):
        if not source.is_file():
            raise InputError.of(source, "", "no such file", f"a file of {kind}'s lineage")
    others = [path for path in _files_in(folder) if path not in (main, folder / RECORD_NAME)]
    record = LineageRecord(
        kind=kind,
        made_by=made_by,
        made_from=[_recorded(source, folder) for source in sources],
        files=[_recorded(file, folder) for file in (main, *others)],
    )
    record = record.model_copy(update={"sha256": record.own_hash()})
    write_atomically(folder / RECORD_NAME, pretty_json(record.model_dump()))
    return record


def read_record(path: Path) -> LineageRecord:
    """Read a record. Raises InputError if the file holds none, and LineageError if it was altered."""
    record = validated(read_json(path, "a lineage record"), LineageRecord, path)
    if record.own_hash() != record.sha256:
        raise LineageError.of(path, f"SHA-256 {record.own_hash()}", record.sha256, "the record itself")
    return record


def artefact_on_record(file: Path) -> Artefact | None:
    """Return the artefact of a file whose record lies beside it or one folder up; ``None`` without such a record."""
    for folder in (file.parent, file.parent.parent):
        path = folder / RECORD_NAME
        if path.is_file() and file != path:
            record = read_record(path)
            files = tuple(_claim(entry, path) for entry in record.files)
            if file in (claim.file for claim in files):
                made_from = tuple(_claim(entry, path) for entry in record.made_from)
                return Artefact(record.kind, files[0].file, record.made_by, files, made_from)
    return None


def _claim(entry: RecordedFile, record: Path) -> Claim:
    return Claim(Path(os.path.normpath(record.parent / entry.file)), entry.sha256, str(record))


def _recorded(file: Path, folder: Path) -> RecordedFile:
    return RecordedFile(file=Path(os.path.relpath(file, folder)).as_posix(), sha256=file_sha256(file))


def _files_in(folder: Path) -> list[Path]:
    """All visible files, sorted; hidden ones are locks and unfinished writes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(f for f in files if not any(part.startswith(".") for part in f.relative_to(folder).parts))
