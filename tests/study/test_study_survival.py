"""The survival study: its figures, and the command that writes it up."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.places import QUEUE_CONFLICT

from townlet.cli import main
from townlet.study.survival import study_survival, summary_of

QUEUE = QUEUE_CONFLICT


def test_figures_come_from_the_towns_and_are_reproducible() -> None:
    study = study_survival(QUEUE, seeds=2, days=4, behaviors=["random"])
    run = study.runs[0]
    lived = run.of("alive_ticks")
    assert lived.shape == (2, 4) and study.ticks_per_day == 80
    # By chance somebody in a drill faints within 320 ticks, and a newcomer takes a while to come.
    faints, newcomers = run.of("faint"), run.of("newcomer")
    assert faints.sum() > 0 and newcomers.sum() <= faints.sum()
    assert 0 < lived.sum() < 2 * 4 * 3 * 80
    summary = summary_of(run, study.ticks_per_day)
    assert summary["faints"] == sum(summary["faints_per_seed"]) == faints.sum()
    assert summary["lives"] == 6 + newcomers.sum()
    assert summary["person_days"] == lived.sum() / 80
    again = study_survival(QUEUE, seeds=2, days=4, behaviors=["random"])
    assert again.as_json() == study.as_json()


def test_a_seed_has_the_same_figures_however_many_come_before_it() -> None:
    alone = study_survival(QUEUE, seeds=1, days=1, behaviors=["heuristic"]).runs[0]
    among = study_survival(QUEUE, seeds=3, days=1, behaviors=["heuristic"]).runs[0]
    assert (alone.tally[0] == among.tally[0]).all() and (alone.counter[0] == among.counter[0]).all()
    assert (among.tally[0] != among.tally[1]).any()


def test_the_command_writes_a_report_whose_plot_and_data_are_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "survival", str(QUEUE), "--seeds", "2", "--days", "1", "--output", str(tmp_path)]) == 0
    report = tmp_path / "queue-conflict-survival.md"
    assert capsys.readouterr().out.strip() == str(report)
    text = report.read_text()
    assert f"townlet study survival {QUEUE} --seeds 2 --days 1" in text
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) == 2 and all((tmp_path / link).stat().st_size > 0 for link in links)
    data = json.loads((tmp_path / "queue-conflict-survival.json").read_text())
    assert set(data["behaviors"]) == {"heuristic", "random"}
    assert f"| faints | {data['behaviors']['heuristic']['faints']:,} |" in text


def test_the_command_prints_json_instead(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--seeds", "1", "--days", "1", "--behavior", "random", "--json", "--output", str(tmp_path)]
    assert main(["study", "survival", str(QUEUE), *options]) == 0
    data = json.loads(capsys.readouterr().out)
    assert list(data["behaviors"]) == ["random"] and not list(tmp_path.iterdir())


def test_an_unknown_behaviour_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "survival", str(QUEUE), "--behavior", "heuristics", "--output", str(tmp_path)]) == 2
    assert "--behavior: found 'heuristics'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
