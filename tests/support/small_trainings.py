"""Trainings that take a second, and the files that they leave."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.places import QUEUE_CONFLICT
from townlet.config import Scenario
from townlet.training import TrainingOptions, TrainingResult, train

QUEUE = QUEUE_CONFLICT
SMALL: dict[str, Any] = {"mode": "rollout", "worlds": 4, "rollout_ticks": 20, "epochs": 2, "cycles": 2}


def steady_queue(folder: Path) -> Path:
    """Write ``queue_conflict`` with the usual constants, none of which follows a schedule: so cycles can be added."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / QUEUE.name
    file.write_text(re.sub(r"  (network|ppo): \{.*\}\n", "", QUEUE.read_text()))
    return file


def run(
    scenario: Scenario, output: Path, *, progress: Callable[[dict[str, Any]], None] | None = None, **options: Any
) -> TrainingResult:
    """Train with the small amounts, unless the options replace them."""
    return train(scenario, TrainingOptions(output=output, **(SMALL | options)), progress)


def options_of(**options: Any) -> list[str]:
    """Options as arguments of a command."""
    return [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def on_file(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of change of every file except locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
