"""``townlet show``: a scenario, or a town drawn from a number, as a reader sees it."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from support.places import ROOT

from townlet.cli import main
from townlet.config import load_scenario
from townlet.config.drawn import demands, drawn_scenario, drawn_yaml
from townlet.config.find import builtin_scenarios, scenario_of
from townlet.view.character_plan import character_plan
from townlet.view.floor_plan import floor_plan_of
from townlet.view.map_picture import drawn_content
from townlet.view.scenario_day import rule_rows, script_rows, shift_rows
from townlet.view.scenario_tables import differences, use_rows
from townlet.view.scenario_text import print_scenario

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
    lines, legend, marked, scale = character_plan(town, plan)
    assert scale == 1 and set(marked.flat) == {" ", "#", "@", *legend}
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


@pytest.mark.parametrize("width", [24, 40, 80, 120])
def test_a_town_is_as_wide_as_asked_and_no_word_is_broken(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "town_day", "--width", str(width)]) == 0
    shown = capsys.readouterr().out
    _, plan, rest = re.split("[┌└].*\n", shown)
    assert len(plan.splitlines()[0]) == (50 if width >= 50 else 26 if width == 40 else 18)
    assert ("a character stands for" in rest) == (width < 50)
    # The legend of the plan is one line, which a terminal breaks.
    assert max(map(len, rest.splitlines()[3:])) <= width
    town = scenario_of("town_day")
    words = set(re.split(r"[\s:;,]+", shown))
    expected = {*town.people, *town.jobs, "everybody", "rules.perturbations.power_outage.per_day", "energy", "+0.25"}
    assert not [word for word in expected - words if len(word) + 2 < width]


def test_each_character_of_a_large_town_stands_for_a_square_of_tiles() -> None:
    town = scenario_of("town_large")
    plan = floor_plan_of(town)
    drawn = character_plan(town, plan, 60)
    assert drawn.scale == 4 and drawn.marked.shape == (48, 48)
    for person in town.people.values():
        assert drawn.marked[person.at[1] // 4, person.at[0] // 4] == "@"
    empty = drawn.marked == " "
    assert not np.kron(empty, np.ones((4, 4), np.bool_))[plan.walls].any()


def test_without_arguments_the_scenarios_are_listed_and_a_name_shows_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "configs" / "scenarios"
    own.mkdir(parents=True)
    kitchen = (SCENARIOS / "kitchen_breakfast.yaml").read_text()
    (own / "laundry.yaml").write_text(kitchen.replace("name: kitchen_breakfast", "name: laundry"))
    (own / "broken.yaml").write_text("name: broken\n")
    monkeypatch.chdir(tmp_path)
    assert main(["show", "--width", "80"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:8]] == builtin_scenarios()
    assert [line.split()[:2] for line in lines[10:12]] == [["broken", "unusable:"], ["laundry", "9×5"]]
    assert max(map(len, lines)) <= 80
    assert main(["show", "laundry", "--set", "rules.queue.cooldown_ticks=9"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("laundry\n") and "9 ticks after a use" in shown
    assert main(["show", "landry"]) == 2
    assert "'landry'" in capsys.readouterr().err


def test_the_day_has_shifts_scripts_and_the_rules_in_force() -> None:
    town, drill = scenario_of("town_day"), scenario_of("queue_conflict")
    jobs = {row[0]: row for row in shift_rows(town)}
    assert jobs["clerk_2"] == ("clerk_2", "····██████··········", "200–500", "desk_office_1_2", "0.022", "dan, finn")
    assert script_rows(drill)[0] == ("anna", "0 use shower, 24 wait, 40 camp shower, 58 use shower")
    uses = {row[2]: row[7] for row in use_rows(town)}
    assert uses["file (work)"] == "dan, finn, hugo" and uses["wash"] == "everybody"
    assert use_rows(drill)[0][7] == "anna, ben, cara"
    here, there = ({name for name, _ in rule_rows(each)} for each in (town, drill))
    assert {"takeover", "stock", "power outage", "closure of a shower", "eviction"} == (here - there) & {
        "takeover",
        "stock",
        "power outage",
        "closure of a shower",
        "eviction",
    }
    assert here & there >= {"capacity", "cooldown", "overstay", "grudges", "fainting"}


def test_a_terminal_gets_colours_and_not_every_row() -> None:
    town = scenario_of("town_large")
    shown = io.StringIO()
    print_scenario(Console(file=shown, force_terminal=True, color_system="standard", width=80, highlight=False), town)
    assert "\x1b[" in shown.getvalue() and "… and 960 more" in shown.getvalue()


@pytest.mark.parametrize("form", ["png", "svg"])
def test_a_picture_names_what_it_shows_and_equal_scenarios_give_equal_bytes(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (tmp_path / f"{number}.{form}" for number in (1, 2))
    for file in (first, second):
        assert main(["show", "--draw", "12345", f"--{form}", str(file)]) == 0
        assert capsys.readouterr().out == f"{file}\n"
    assert first.read_bytes() == second.read_bytes()
    if form == "png":
        with Image.open(first) as image:
            assert image.text["Description"] == drawn_content(drawn_scenario(12345))  # type: ignore[attr-defined]
            assert len(image.getcolors(1 << 20) or ()) > 20
    else:
        assert first.read_text().startswith("<?xml")


def test_showing_neither_compiles_the_rules_nor_imports_torch(tmp_path: Path) -> None:
    program = "import sys; from townlet.cli import main; main(['show', 'town_day']); main(['show'])\n"
    program += "assert not {'torch', 'numba', 'dagster', 'matplotlib'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--people", "9"], "needs one of the two"),
        (["--png", "town.png"], "needs one of the two"),
        (["town_day", "--width", "19"], "19 is not in the range"),
        (["--draw", "1", "--output", "drawn_1.yaml", "--set", "ticks=9"], "cannot change what --output writes"),
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
