"""What a training or a soak leaves in its folder, in a form in which two of them can be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from townlet.telemetry import CLOCK_FIELDS

#: Of what it took, which differs each time: attempts of a training, measurements of a soak.
_MEASURED = ("attempts.json", "resources.jsonl", "measured.json")


def outputs(folder: Path) -> dict[str, Any]:
    """The bytes of every file but those of what was measured; of logs the records without their clock fields."""
    files: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name in _MEASURED or path.name.endswith(".lock"):
            continue
        content: Any = path.read_bytes()
        if "jsonl" in path.name:
            records = [json.loads(line) for line in content.splitlines()]
            content = [[(k, v) for k, v in record.items() if k not in CLOCK_FIELDS] for record in records]
        files[str(path.relative_to(folder))] = content
    return files
