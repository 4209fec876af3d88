"""``townlet bench pipeline``: Dagster's overhead, measured on the real column."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support.scenario_sensor import SCENARIO, project_with_one_scenario

from townlet.cli import main


def test_the_overhead_is_the_column_through_dagster_less_the_same_work_directly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project_with_one_scenario(tmp_path, monkeypatch) / f"{SCENARIO}.yaml"
    content, amounts = file.read_text(), "  cycles: 20\n"
    assert content.count(amounts) == 1
    file.write_text(content.replace(amounts, "  cycles: 2\n  worlds: 2\n  epochs: 1\n  network: {hidden: [16]}\n"))
    assert main(["bench", "pipeline", "--repeats", "1", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["case"] == "observation_baseline, whole column"
    difference = measured["pipeline_seconds"] - measured["direct_seconds"]
    # Each of the three is rounded to a millisecond.
    assert measured["overhead_seconds"] == pytest.approx(difference, abs=0.00151)
    assert measured["direct_seconds"] > 0
    assert measured["overhead_cpu_seconds"] <= measured["pipeline_seconds"] * measured["machine"]["cores"]
    for kind in ("pipeline", "direct", "import", "resolve"):
        fastest, slowest = measured[f"{kind}_spread"]
        assert 0 < fastest <= measured[f"{kind}_seconds"] <= slowest
    assert 0 < measured["core_share"] <= 1
    assert measured["machine"]["dagster"]


def test_an_unknown_scenario_is_refused_before_anything_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "pipeline", "--scenario", "observation_baselin"]) == 2
    assert "did you mean 'observation_baseline'?" in capsys.readouterr().err


def test_without_dagster_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "dagster", None)
    assert main(["bench", "pipeline"]) == 2
    error = capsys.readouterr().err
    assert "no dagster, expected the packages: pip install 'townlet[pipeline]'" in error
    assert "Traceback" not in error
