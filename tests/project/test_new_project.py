"""A project folder: what ``townlet init`` writes, keeps and refuses, and where the pipeline makes one by itself."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from support.places import ROOT

from townlet.cli import main
from townlet.errors import InputError
from townlet.lineage import trace
from townlet.project import documentation, is_project, make_project, may_become_project, shipped_files
from townlet_pipeline.instance import project


def test_a_new_project_has_scenarios_captures_baselines_and_settings(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "project"
    made = make_project(folder)
    assert made.kept == ()
    assert is_project(folder)
    for name in made.written:
        ours = ROOT / name
        assert ours.read_bytes() == (folder / name).read_bytes() or name.name == ".gitignore"
    tops = {name.parts[0] for name in made.written}
    assert tops == {"artifacts", "baselines", "configs", "workspace.yaml", ".gitignore"}
    for kind in ("scenarios", "sweeps"):
        assert {file.name for file in (folder / "configs" / kind).iterdir()} == {
            file.name for file in (ROOT / "configs" / kind).iterdir()
        }


def test_files_that_are_there_are_kept_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_project(tmp_path)
    edited, lost = (tmp_path / "configs" / "scenarios" / f"{name}.yaml" for name in ("town_day", "queue_conflict"))
    edited.write_text("mine")
    lost.unlink()
    assert main(["init", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        f"{tmp_path}: 1 files written\n"
        "kept: configs/scenarios/town_day.yaml, which differs from the one that comes with Townlet\n"
    )
    assert edited.read_text() == "mine"
    assert lost.is_file()


def test_a_place_that_can_be_no_project_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file")]) == 2
    (tmp_path / "workspace.yaml").mkdir()
    assert main(["init", str(tmp_path)]) == 2
    assert re.search(r"workspace.yaml: found no regular file, expected a file", capsys.readouterr().err)
    assert not (tmp_path / "configs").exists()


def test_the_pipeline_makes_a_project_only_where_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path))
    (tmp_path / "letter.txt").write_text("")
    assert not may_become_project(tmp_path)
    assert project.ensure_project() is None
    with pytest.raises(InputError, match="townlet init makes one"):
        project.project_root()
    (tmp_path / "letter.txt").rename(tmp_path / ".hidden")
    said = project.ensure_project()
    assert said is not None
    assert said.startswith(f"made a project in {tmp_path}: ")
    assert project.ensure_project() is None
    assert project.project_root() == tmp_path
    assert project.command_line("ui") == "townlet pipeline ui"
    assert project.command_line("run", "town_day") == "townlet pipeline run town_day"
    assert project.documentation() == ROOT / "docs"


def test_without_dagster_the_pipelines_commands_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "dagster", None)
    assert main(["pipeline", "run", "town_day"]) == 2
    said = capsys.readouterr().err
    assert said == "error: pipeline: found no package dagster, expected Dagster: pip install 'townlet[pipeline]'\n"


def test_a_checkout_is_its_own_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOWNLET_PROJECT", raising=False)
    assert shipped_files() == ROOT
    assert documentation(ROOT) == ROOT / "docs"
    assert project.ensure_project() is None
    assert project.command_line("run", "town_day") == "make run SCENARIO=town_day"


def test_the_baselines_of_a_project_are_traced_to_its_scenarios(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    node = trace(tmp_path / "baselines" / "rivalry_decay" / "promoted.json")
    assert node.file == tmp_path / "baselines" / "rivalry_decay" / "promoted.json"
