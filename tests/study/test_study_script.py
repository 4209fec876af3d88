"""The study of policies beside scripts, and what the flagship's training promises, for one seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.places import QUEUE_CONFLICT, ROOT

from townlet.cli import main


def test_the_flagships_policy_has_half_of_the_scripts_conflict_and_as_many_uses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "script", str(QUEUE_CONFLICT), "--seeds", "1", "--output", str(tmp_path)]) == 0
    report = tmp_path / "policy-and-script.md"
    assert capsys.readouterr().out.strip() == str(report)
    (found,) = json.loads(report.with_suffix(".json").read_text())["trainings"]
    policy, script = found["policy"], found["script"]
    assert policy["intensity_per_use"] <= 0.5 * script["intensity_per_use"]
    assert policy["uses"] >= 0.95 * script["uses"]
    assert found["greedy"]["intensity_per_use"] <= 0.5 * script["intensity_per_use"]
    assert found["alerts"] == 0
    text = report.read_text()
    assert f"| `queue_conflict` | 0 | {script['intensity_per_use']:.1f} | {policy['intensity_per_use']:.3g} |" in text
    assert f"townlet study script {QUEUE_CONFLICT} --seeds 1\n" in text


def test_a_scenario_whose_script_does_nothing_to_compare_with_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = ROOT / "configs" / "scenarios" / "observation_baseline.yaml"
    unscripted = ROOT / "configs" / "scenarios" / "town_day.yaml"
    for path, found in ((waiting, "a script that completes no use"), (unscripted, "none")):
        assert main(["study", "script", str(path), "--seeds", "1", "--output", str(tmp_path)]) == 2
        assert f"{path}: schedule: found {found}, expected " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
