"""Examples of other libraries that train on the town."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import ROOT

EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize(
    ("example", "scenario", "steps"), [("train_sb3.py", "town_day", 1500), ("train_skrl.py", "queue_conflict", 130)]
)
def test_the_example_trains_and_reports_its_rewards(example: str, scenario: str, steps: int, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / example), "--scenario", scenario, "--steps", str(steps)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = re.search(
        r"(\d+) (?:agent-steps|ticks); reward per agent-step (-?[\d.]+) at first, (-?[\d.]+)", done.stdout
    )
    assert report and int(report[1]) >= steps
    assert not list(tmp_path.iterdir())
