"""The survival study: its statistics, its figures, and the command that writes it up."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from support.places import QUEUE_CONFLICT

from townlet.cli import main
from townlet.study.survival import mean_and_margin, study_survival, summary_of, wilson_interval

QUEUE = QUEUE_CONFLICT


def test_the_interval_of_a_probability_is_wilsons() -> None:
    assert wilson_interval(0, 100) == pytest.approx((0.0, 0.036994), abs=1e-6)
    assert wilson_interval(100, 100) == pytest.approx((1 - 0.036994, 1.0), abs=1e-6)
    # Newcombe 1998, table I: 81 of 263.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_a_mean_over_seeds_comes_with_1_96_standard_errors() -> None:
    mean, margin = mean_and_margin(np.array([1.0, 2.0, 3.0, 4.0]))
    assert mean == 2.5 and margin == pytest.approx(1.96 * math.sqrt(5 / 3) / 2, rel=1e-4)
    assert mean_and_margin(np.array([1.0])) == (1.0, None)


def test_its_figures_come_from_the_towns_and_come_out_the_same_again() -> None:
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
