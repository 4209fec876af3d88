"""``scripts/libraries.py``: names, judgements, the table, pins. The checks need environments of their own."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.places import ROOT

RESULT = {
    "library": "Lib",
    "package": "lib",
    "versions": {"lib": "1.2", "python": "3.11.7"},
    "way": "`x.py`",
    "trains": True,
    "illegal": 0,
    "choices": 1200,
    "bootstrapped": {"found": 5.00001, "expected": 5.0},
    "leaving": {"right": True},
}


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script as a module, which writes into a temporary folder."""
    spec = importlib.util.spec_from_file_location("libraries", ROOT / "scripts" / "libraries.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "libraries.json")
    monkeypatch.setattr(module, "PAGE", tmp_path / "LIBRARIES.md")
    module.PAGE.write_text(f"# Libraries\n\n{module.BEGIN}\nold\n{module.END}\n\nRecipes\n")
    return module


def with_checks(libraries: ModuleType, monkeypatch: pytest.MonkeyPatch, folder: Path, **checks: str) -> None:
    """Put checks of our own in place of those of the libraries; none has requirements, so all run here."""
    for name, code in checks.items():
        (folder / f"{name}.py").write_text(f'import sys\n\nif __name__ == "__main__":\n    {code}\n')
    (folder / "shared.py").write_text("VALUE = 1\n")
    monkeypatch.setattr(libraries, "CHECKS", folder)
    monkeypatch.setattr(libraries, "REQUIREMENTS", folder / "requirements")


def test_unknown_names_are_refused_before_anything_is_done(
    libraries: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert libraries.main(["rllib", "rlib", "--folder", str(tmp_path / "venvs")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("error: names: found rlib, expected some of ")
    assert "rllib" in said.err.partition("expected")[2]
    assert not (tmp_path / "venvs").exists() and "old" in libraries.PAGE.read_text()


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, []),
        ({"trains": False}, ["trains"]),
        ({"illegal": 1}, ["masks"]),
        ({"choices": 0}, ["masks"]),
        ({"bootstrapped": {"found": 5.1, "expected": 5.0}}, ["truncation"]),
        ({"bootstrapped": None}, ["truncation"]),
        ({"leaving": {"right": False}}, ["leaving"]),
        ({"leaving": {"right": False}, "stated": ["trains", "masks", "truncation"]}, []),
        ({"stated": ["trains", "masks", "truncation"]}, ["leaving"]),
    ],
)
def test_numbers_that_deny_what_is_stated_are_found(
    libraries: ModuleType, change: dict[str, Any], wrong: list[str]
) -> None:
    assert libraries.contradictions({**RESULT, **change}) == wrong


def test_checks_are_run_and_their_table_replaces_the_old_one(
    libraries: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**RESULT, "library": "another", "illegal": 3, "stated": ["trains", "truncation", "leaving"]}
    folder = tmp_path / "checks"
    folder.mkdir()
    with_checks(
        libraries,
        monkeypatch,
        folder,
        lib=f"print('noise'); print({json.dumps(json.dumps(RESULT))})",
        other=f"print({json.dumps(json.dumps(other))})",
        broken="sys.exit('this library is broken')",
        silent="pass",
    )
    assert libraries.main(["lib", "other", "--folder", str(tmp_path / "venvs")]) == 0
    page = libraries.PAGE.read_text()
    assert page.startswith("# Libraries\n") and page.endswith("\n\nRecipes\n") and "old" not in page
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert rows[1:] == [
        "| another 1.2 | `x.py` | yes | no, 3 of 1,200 illegal | yes, 5.0000 for 5.0000 | yes |  |",
        "| Lib 1.2 | `x.py` | yes | yes, 0 of 1,200 illegal | yes, 5.0000 for 5.0000 | yes |  |",
    ]
    # Those that fail are named, and leave the rows of the others as they are.
    assert libraries.main(["--folder", str(tmp_path / "venvs")]) == 1
    said = capsys.readouterr().out
    assert "this library is broken" in said and "silent printed no JSON object" in said
    assert said.splitlines()[-1] == "4 checked; failed: broken, silent"
    assert libraries.PAGE.read_text() == page


def test_a_page_without_a_place_for_the_table_is_not_written(libraries: ModuleType) -> None:
    libraries.PAGE.write_text("# Libraries\n")
    with pytest.raises(ValueError, match="no place for the table"):
        libraries.write({"lib": RESULT})
    assert libraries.PAGE.read_text() == "# Libraries\n" and not libraries.RESULTS.exists()


def test_every_package_of_an_environment_is_pinned(libraries: ModuleType) -> None:
    files = list(libraries.REQUIREMENTS.glob("*.txt"))
    assert len(files) >= 5
    for file in files:
        assert file.stem in libraries.names(), file.name
        lines = file.read_text().splitlines()
        packages = [line for line in lines if not line.startswith("#")]
        packages += [line.split()[-1] for line in lines if line.startswith(libraries.BUILD)]
        assert [line for line in packages if not re.fullmatch(r"[\w.-]+==[\w.!+-]+", line)] == [], file.name


def test_the_results_and_the_page_in_the_repository_agree(libraries: ModuleType) -> None:
    results = json.loads((ROOT / "docs" / "results" / "libraries.json").read_text())
    assert libraries.table(results) in (ROOT / "docs" / "LIBRARIES.md").read_text()
    assert {name: wrong for name, result in results.items() if (wrong := libraries.contradictions(result))} == {}
    assert set(results) <= set(libraries.names())
