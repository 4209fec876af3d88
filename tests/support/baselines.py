"""Baselines that were altered."""

from __future__ import annotations

import json
from pathlib import Path


def rewritten(path: Path, folder: Path, **changed: object) -> Path:
    """Return a copy of a baseline's file with some fields changed and the old hash."""
    copy = folder / "baseline.json"
    copy.write_text(json.dumps(json.loads(path.read_text()) | changed))
    return copy
