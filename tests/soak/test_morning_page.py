"""Morning page and ``townlet morning``: what they show, where their links lead, and how the command ends."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from support.browser import PHONE, browser_tab, find_browser
from support.nights import REASONS, crashed, judged, promoted, unfinished

from townlet.cli import main
from townlet.view.foreign_references import foreign_references

DAY, BEFORE = "2026-11-30", "2026-11-29"
NOW = "2026-11-30T09:00+00:00"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a night in each state."""
    store = tmp_path / "runs" / "store"
    names = ("accepted", "held", "rejected", "crashed", "missed", "unfinished")
    promoted(tmp_path / "baselines", *names)
    for name in names:
        judged(store, name, BEFORE)
    for name, verdict in (("accepted", "accept"), ("held", "hold"), ("rejected", "reject")):
        judged(store, name, DAY, verdict, factor=1.1 if name == "rejected" else 1.0)
    crashed(tmp_path / "runs" / "incidents", "crashed", DAY, "the <worker> is dead")
    unfinished(store, "unfinished", DAY, 120)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_table_has_80_columns_and_says_of_each_night_why_and_what_to_do(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["morning", "--now", NOW]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{DAY}: 1 of 6 nights accepted; 1 rejected: rejected;")
    assert not [line for line in lines if len(line) > 80 and "Report: " not in line]
    text = " ".join(" ".join(lines).split())
    for verdict in ("hold", "reject"):
        why, step = REASONS[verdict]
        assert why in text and step.sentence in text
        assert f"docs/OPS_HANDBOOK.md#{step.handbook}" in text
    assert "The run failed: the <worker> is dead" in text
    assert "Next: Open the incident's page and do what it says." in text
    assert REASONS["accept"][0] not in text


def test_the_exit_code_says_whether_the_whole_night_is_accepted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["morning", "--now", NOW, "--day", BEFORE]) == 0
    assert capsys.readouterr().out.startswith(f"{BEFORE}: all 6 nights accepted\n")
    assert main(["morning", "--now", NOW, "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert content["counts"] == dict.fromkeys(("rejected", "crashed", "missed", "held", "unfinished", "accepted"), 1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--day", "yesterday"], "options: --day: found 'yesterday', expected a day"),
        (["--now", "9:00"], "options: --now: found '9:00', expected a moment"),
        (["--now", "2026-11-30T09:00"], "options: --now: found '2026-11-30T09:00', expected a moment"),
        (["--cron", "daily"], "environment: TOWNLET_NIGHTLY_SOAK_CRON: found 'daily', expected minute"),
        (["--timezone", "Mars"], "environment: TOWNLET_TIMEZONE: found 'Mars', expected a zone"),
        (["--store", "nowhere"], "nowhere: found no such folder, expected the folder of all artefacts"),
    ],
)
def test_unusable_options_are_refused(
    project: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["morning", *words]) == 2
    assert capsys.readouterr().err.startswith(f"error: {says}")


def test_without_any_night_it_says_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    promoted(tmp_path / "baselines", "drill")
    monkeypatch.chdir(tmp_path)
    assert main(["morning", "--output", "morning.html"]) == 1
    assert main(["morning"]) == 1
    printed = capsys.readouterr().out
    for text in (printed, (tmp_path / "morning.html").read_text()):
        assert "No night yet" in text and "nightly_soak" in text


def test_the_page_leads_to_reports_and_handbook_loads_nothing_and_is_equal_for_equal_files(project: Path) -> None:
    page = project / "runs" / "store" / "all" / "morning_overview" / "morning.html"
    (project / "docs").mkdir()
    (project / "docs" / "OPS_HANDBOOK.md").write_text("")
    assert main(["morning", "--now", NOW, "--output", str(page)]) == 1
    content = page.read_text()
    assert main(["morning", "--now", NOW, "--output", str(page)]) == 1
    assert page.read_text() == content
    assert not foreign_references(content)
    targets = re.findall(r'href="([^"]+)"', content)
    assert {os.path.normpath(page.parent / unquote(target.partition("#")[0])) for target in targets} == {
        str(project / "docs" / "OPS_HANDBOOK.md"),
        *map(str, (project / "runs" / "store").glob("*/nights/*/acceptance_report/acceptance.html")),
        *map(str, (project / "runs" / "incidents").glob("*.md")),
    }
    anchors = {target.partition("#")[2] for target in targets if "#" in target}
    assert anchors == {
        f"night-{case}" for case in ("accepted", "bound-broken", "town-changed", "failed", "missed", "running")
    }
    assert json.loads(page.with_suffix(".json").read_text())["headline"] in content
    assert "the &lt;worker&gt; is dead" in content


def test_runs_and_incidents_are_linked_to_where_they_are_served(project: Path) -> None:
    page, pages = project / "morning.html", "http://127.0.0.1:3001/incidents/"
    words = ["--runs", "http://127.0.0.1:3000/runs/", "--incident-pages", pages]
    main(["morning", "--now", NOW, "--output", str(page), *words])
    assert f'href="http://127.0.0.1:3000/runs/run-crashed-{DAY}"' in page.read_text()
    (incident,) = (project / "runs" / "incidents").glob("*.md")
    assert f'href="{pages}{incident.name}"' in page.read_text()


def test_a_crashed_night_says_which_file_of_the_project_is_at_fault_and_what_dagster_does_by_itself(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (project / "runs" / "incidents").glob("*.json"):
        again = ["Nothing: Dagster restarts the run from failure."]
        changed = {"reason": f"{project}/baselines/b.json: found 1, expected 2", "how_to_resume": again}
        file.write_text(json.dumps(json.loads(file.read_text()) | changed))
    main(["morning", "--now", NOW])
    printed = capsys.readouterr().out
    assert "The run failed: baselines/b.json: found 1, expected 2\n" in printed
    assert f"Next: {again[0]}\n" in printed


def test_a_scenario_that_had_nights_and_no_last_one_is_not_called_new(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    promoted(project / "baselines", "paused", "new", at="2026-11-30T08:30:00+00:00")
    judged(project / "runs" / "store", "paused", BEFORE)
    main(["morning", "--now", NOW])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines if "paused" in line] == [["no", "night", "paused"]]
    assert [line.split()[:4] for line in lines if line.endswith(" new")] == [["not", "soaked", "yet", "new"]]


def test_on_a_phone_nothing_is_cut_off_and_the_worst_verdict_is_on_the_first_screen(project: Path) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium")
    page = project / "runs" / "store" / "all" / "morning_overview" / "morning.html"
    main(["morning", "--now", NOW, "--output", str(page)])
    with browser_tab() as tab:
        for width, height in (PHONE, (1280, 900)):
            for dark in (False, True):
                tab.size(width, height, dark=dark)
                tab.open(page)
                tab.until("document.readyState === 'complete'")
                assert tab.ask("document.documentElement.scrollWidth") <= width
                assert tab.ask("document.querySelector('.night .next').getBoundingClientRect().bottom") <= height
        says = tab.ask("document.querySelector('.night.missed .cell.missed').title")
        assert says.startswith(f"{DAY}: missed. Nothing was made by 08:00")
        assert not tab.complaints
        assert all(url.startswith(("file:", "about:")) for url in tab.requests)
