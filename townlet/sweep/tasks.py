"""Tasks of a sweep's processes, and their outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from townlet.config import Scenario


@dataclass(frozen=True)
class Task:
    """Trainings of the same settings, one per seed."""

    name: str
    """By which the task is known: the name of its folder."""
    scenario: Scenario
    """What is trained."""
    town: Scenario
    """Where the policies are scored: without the settings, so that those of the reward do not change the yardstick."""
    folder: Path
    seeds: tuple[int, ...]
    metric: str
    worlds: int
    world_seed: int
    reports: bool
    """Whether the first training may be stopped early."""


@dataclass(frozen=True)
class Outcome:
    """The end of a task."""

    state: Literal["complete", "pruned", "failed"]
    scores: tuple[float, ...] = ()
    """The metric of each seed."""
    reason: str = ""
    """Why there is no score."""
