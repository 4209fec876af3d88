"""Files that a training or a soak leaves in its folder, in a form that can be compared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from townlet.telemetry import CLOCK_FIELDS

#: Files that differ each time: a training's attempts and a soak's measurements.
_MEASURED = ("attempts.json", "resources.jsonl", "measured.json")


def outputs(folder: Path) -> dict[str, str]:
    """SHA-256 of every file by its path, without measurements; logs count without their records' clock fields.

    Hashes, not contents: pytest would take minutes to describe their differences.
    """
    files: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name in _MEASURED or path.name.endswith(".lock"):
            continue
        content = path.read_bytes()
        if "jsonl" in path.name:
            records = [json.loads(line) for line in content.splitlines()]
            kept = [{name: value for name, value in record.items() if name not in CLOCK_FIELDS} for record in records]
            content = json.dumps(kept).encode()
        files[str(path.relative_to(folder))] = hashlib.sha256(content).hexdigest()
    return files
