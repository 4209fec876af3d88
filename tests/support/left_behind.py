"""What a training or a soak leaves in its folder, in a form in which two of them can be compared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from townlet.telemetry import CLOCK_FIELDS

#: Of what it took, which differs each time: attempts of a training, measurements of a soak.
_MEASURED = ("attempts.json", "resources.jsonl", "measured.json")


def outputs(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but those of what was measured; of logs without the clock fields of their records.

    Not the content, of which pytest would look for the differences for minutes.
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
