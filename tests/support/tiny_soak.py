"""A soak that takes a moment, of a small queue drill with its baseline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.captures import QUEUE
from townlet.baselines.build import build_baseline
from townlet.soak.options import SoakOptions

#: The drill's training section, and one that takes a moment.
_TRAINING = "  worlds: 64\n  rollout_ticks: 80\n  cycles: 150\n  epochs: 4\n  network: {activation: relu}\n"
_TINY = "  worlds: 4\n  rollout_ticks: 20\n  epochs: 2\n  network: {hidden: [16]}\n"


def tiny_scenario(folder: Path, *changes: tuple[str, str]) -> Path:
    """``queue_conflict`` with little training, and with parts of its file replaced."""
    path = folder / QUEUE.name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = QUEUE.read_text()
    for old, new in ((_TRAINING, _TINY), *changes):
        assert content.count(old) == 1, old
        content = content.replace(old, new)
    path.write_text(content)
    return path


def tiny_baseline(scenario: Path, folder: Path, **options: Any) -> Path:
    """A baseline of three seeds and four worlds, without captures."""
    return Path(build_baseline(scenario, folder, **({"seeds": 3, "worlds": 4, "captures": False} | options)).path)


def tiny_options(folder: Path, **changes: Any) -> SoakOptions:
    """Options of six learning cycles into ``folder/soak``, with a scenario and a baseline of their own."""
    scenario = changes.pop("scenario", None) or tiny_scenario(folder / "scenario")
    baseline = changes.pop("baseline", None) or tiny_baseline(scenario, folder / "baseline")
    asked: dict[str, Any] = {"cycles": 6, "output": folder / "soak"} | changes
    return SoakOptions(scenario=scenario, baseline=baseline, **asked)


def rows_of(folder: Path, name: str = "cycles.jsonl") -> list[dict[str, Any]]:
    """The rows of a soak's file."""
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]
