"""Arms of the study: what people observe, and what is in their rewards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Script = Literal["", "random", "heuristic"]
Reward = Literal["whole", "no_attendance", "needs_only"]


@dataclass(frozen=True)
class Arm:
    """One condition. All learning arms have the same training towns, network, amounts and constants."""

    name: str
    label: str
    script: Script = ""
    """Behaviour of an arm that does not learn; empty for a learning arm."""
    sees_conflict: bool = True
    """Whether features about queues and rivalry are filled; else they are 0."""
    pays_conflict: bool = True
    """Whether conflicts are in the reward: causing them, suffering them and holding grudges."""
    placebo: bool = False
    """Whether conflict penalties are paid a rollout late, at drawn ticks: as large, but without information."""
    reward: Reward = "whole"
    """``no_attendance``: absence has no price, and wages no reward. ``needs_only``: nothing but needs and survival."""


RANDOM = Arm("random", "random legal", "random")
HEURISTIC = Arm("heuristic", "heuristic", "heuristic")
AWARE = Arm("aware", "conflict-aware")
BLIND = Arm("blind", "conflict-blind", sees_conflict=False, pays_conflict=False)
PLACEBO = Arm("placebo", "placebo: late penalty", placebo=True)
NO_ATTENDANCE = Arm("no_attendance", "ablation: no attendance", reward="no_attendance")
NEEDS_ONLY = Arm("needs_only", "ablation: needs only", pays_conflict=False, reward="needs_only")

SCRIPTS = (HEURISTIC, RANDOM)
MAIN = (AWARE, BLIND, PLACEBO)
ABLATIONS = (NO_ATTENDANCE, NEEDS_ONLY)
ARMS = {arm.name: arm for arm in (*SCRIPTS, *MAIN, *ABLATIONS)}
LABELS = {name: arm.label for name, arm in ARMS.items()}
