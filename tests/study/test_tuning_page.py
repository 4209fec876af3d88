"""The page on tuning: its tables are those of the measurements, and its cases are settings that scenarios take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.places import ROOT

PAGE = ROOT / "docs" / "TUNING.md"
RESULTS = ROOT / "docs" / "results" / "tuning.json"


def test_every_measured_case_is_a_row_of_the_page_and_no_other_row_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import tuning

    results = json.loads(RESULTS.read_text())
    lines = PAGE.read_text().splitlines()
    at = [index for index, line in enumerate(lines) if line.startswith("| set | reward |")]
    shown = [line for index in at for line in _table(lines[index + 2 :])]
    assert set(shown) == {tuning.row(result) for result in results}
    measured = [(each["scenario"], tuple(each["settings"]), each["start"]) for each in results]
    assert measured == [tuple(case) for case in tuning.CASES]
    assert [[run["seed"] for run in each["runs"]] for each in results] == [list(case.seeds) for case in tuning.CASES]


def test_every_case_is_what_its_scenario_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import tuning

    assert len({case.configured().digest for case in tuning.CASES if not case.start}) == len(
        [case for case in tuning.CASES if not case.start]
    )


def test_a_training_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import tuning

    monkeypatch.setattr(tuning, "WORLDS", 2)
    case = tuning.Case("kitchen_breakfast", ("cycles=5", "training.worlds=2", "imitation.rollouts=0"))
    first = tuning.measured(case, 3, tmp_path)
    (done,) = tmp_path.rglob("policy.json")
    moment = done.stat().st_mtime_ns
    assert tuning.measured(case, 3, tmp_path) == first and done.stat().st_mtime_ns == moment
    assert first["curves"]["batch_entropy_mean"]["first"] > 0.0 and set(first["behaviors"]) >= {"policy", "random"}


def _table(lines: list[str]) -> list[str]:
    """The lines of a table up to its end."""
    end = next((index for index, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return lines[:end]
