"""``townlet show``: a scenario, or a town drawn from a number, as a reader sees it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from support.places import ROOT

from townlet.cli import main
from townlet.config import load_scenario
from townlet.config.drawn import demands, drawn_scenario, drawn_yaml
from townlet.config.find import scenario_of
from townlet.view.character_plan import character_plan
from townlet.view.floor_plan import floor_plan_of
from townlet.view.scenario_tables import differences

SCENARIOS = ROOT / "configs" / "scenarios"


def test_a_drawn_town_is_shown_with_its_plan_its_people_and_what_is_different(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["show", "--draw", "12345"]) == 0
    shown = capsys.readouterr().out
    town = drawn_scenario(12345)
    assert shown.startswith(f"drawn_12345\n{town.description}\n{town.map.width}×{town.map.height} tiles; ")
    for name, person in town.people.items():
        assert person.job is not None
        job = town.jobs[person.job]
        (row,) = [line.split() for line in shown.splitlines() if line.split()[:1] == [name]]
        assert row[1] == "home" and row[3:6] == [person.job, f"{job.start}–{job.end}", job.workplace]
    wash, usual = town.affordances["wash"], scenario_of("town_day").affordances["wash"]
    rows = [line.split() for line in shown.splitlines()]
    assert ["affordances.wash.ticks", str(wash.ticks), str(usual.ticks)] in rows
    (shower,) = [row for row in rows if row[:1] == ["shower"]]
    assert shower[-1] == f"{demands(town)['shower']:.0%}"


def test_the_plan_has_every_wall_object_person_and_room() -> None:
    town = scenario_of("town_day")
    plan = floor_plan_of(town)
    lines, legend = character_plan(town, plan)
    padded = [line.ljust(town.map.width) for line in lines]
    assert len(padded) == town.map.height
    assert all((padded[y][x] == "#") == plan.walls[y, x] for y in range(town.map.height) for x in range(town.map.width))
    assert {item.type for item in town.objects.values()} == set(legend.values())
    assert all(legend[padded[item.at[1]][item.at[0]]] == item.type for item in town.objects.values())
    assert all(padded[person.at[1]][person.at[0]] == "@" for person in town.people.values())
    # People may leave no room for the name of a home.
    assert all(name in "\n".join(lines) for name in plan.names if not name.startswith("home"))


@pytest.mark.parametrize("name", sorted(path.stem for path in SCENARIOS.glob("*.yaml")))
def test_every_built_in_scenario_can_be_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(SCENARIOS / f"{name}.yaml")]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{name}\n") and "@ where a person starts" in shown
    assert "townlet capture" not in shown


def test_two_towns_with_the_same_rules_do_not_differ() -> None:
    assert differences(scenario_of("town_large"), scenario_of("town_day")) == []
    assert ("rules.needs.faint_after", "60", "40") in differences(scenario_of("town_day"), None)


def test_the_commands_that_it_names_write_the_town_and_record_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["show", "--draw", "12345", "--people", "5"]) == 0
    first, second = (shlex.split(line) for line in capsys.readouterr().out.splitlines()[-2:])
    assert main(first[1:]) == 0
    file = tmp_path / "drawn_12345_with_5.yaml"
    assert file.read_text(encoding="utf-8") == drawn_yaml(12345, 5)
    assert load_scenario(file) == drawn_scenario(12345, people=5)
    assert capsys.readouterr().out.splitlines()[-1] == f"next: {shlex.join(second)}"
    place = second.index("--policy")
    assert second[place + 1] == "generalist"
    assert main([*second[1:place], "--behavior", "heuristic", "--ticks", "20", *second[place + 2 :]]) == 0
    assert (tmp_path / "drawn_12345_with_5" / "rollout_sample_manifest.json").exists()


def test_a_town_too_wide_for_a_terminal_is_shown_without_its_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--draw", "11", "--people", "500"]) == 0
    shown = capsys.readouterr().out
    assert "no floor plan" in shown and "#" not in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs one of the two"),
        ([str(SCENARIOS / "town_day.yaml"), "--draw", "1"], "needs one of the two"),
        ([str(SCENARIOS / "town_day.yaml"), "--people", "9"], "needs --draw NUMBER"),
        ([str(SCENARIOS / "town_day.yaml"), "--output", "town_day.yaml"], "needs --draw NUMBER"),
        (["nowhere.yaml"], "nowhere.yaml: found no such file"),
        (["--draw", "-1"], "-1 is not in the range"),
        (["--draw", "one"], "'one' is not a valid integer"),
        (["--draw", "1", "--people", "3"], "people: found 3, expected a whole number from 4 to 500"),
        (["--draw", "1", "--output", "drawn_2.yaml"], "found the name 'drawn_2', expected 'drawn_1'"),
        (["--draw", "1", "--output", "."], "found a folder's name"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["show", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
