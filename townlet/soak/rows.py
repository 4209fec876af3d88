"""Files with one JSON object per cycle, appended line by line and cut back to a checkpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.files.outputs import append_line, sync_folder
from townlet.files.storage import read_bytes, sha256
from townlet.files.strict_json import strict


class RowFile:
    """Rows for the cycles 1, 2, …, one line each."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def cut(self, rows: int) -> list[dict[str, Any]]:
        """Keep the first ``rows`` rows and return them; remove what follows, including a torn line.

        Raises InputError, and removes nothing, if there are fewer rows or one of them is not a cycle's.
        """
        content = read_bytes(self.path, f"the rows of {rows} cycles") if rows or self.path.exists() else b""
        lines = content.splitlines(keepends=True)[:rows]
        kept = [_row(self.path, number, line) for number, line in enumerate(lines, start=1)]
        if len(kept) < rows:
            raise InputError.of(self.path, "", f"{len(kept)} rows", f"{rows}, as many cycles as the checkpoint counts")
        length = sum(map(len, lines))
        if length < len(content):
            os.truncate(self.path, length)
        return kept

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row: a whole line, or nothing and an OSError that names the file."""
        line = json.dumps(row, allow_nan=False, ensure_ascii=False).encode() + b"\n"
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            append_line(descriptor, line, self.path)
            if is_new:
                sync_folder(self.path.parent)
        finally:
            os.close(descriptor)

    def sync(self) -> None:
        """Flush the file to the device: call it before a checkpoint that counts its rows."""
        if self.path.exists():
            descriptor = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def rows(self) -> list[dict[str, Any]]:
        """All rows. Raises InputError for a file in which a line is not a cycle's row."""
        lines = read_bytes(self.path, "a row per cycle").splitlines(keepends=True)
        return [_row(self.path, number, line) for number, line in enumerate(lines, start=1)]

    def entry(self) -> dict[str, Any]:
        """The file's entry in a manifest: its SHA-256 and its number of rows."""
        content = self.path.read_bytes()
        return {"sha256": sha256(content), "rows": content.count(b"\n")}


def _row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    expected = f"the row of cycle {number}"
    row = strict(line, path, expected, number) if line.endswith(b"\n") else None
    if not isinstance(row, dict) or row.get("cycle") != number:
        raise InputError.of(path, f"line {number}", repr(line[:40]), expected)
    return row
