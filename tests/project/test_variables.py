"""The page of environment variables: it has every variable that the code reads, and no other."""

from __future__ import annotations

import re

from support.places import ROOT

from townlet_pipeline.instance import timetable

#: Shells set names with an underscore before it, to complete words.
NAME = re.compile(r"(?<![A-Z_])TOWNLET_[A-Z_]*[A-Z]\b")
ROW = re.compile(r"^\| `(TOWNLET_\w+)` \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
PAGE = ROOT / "docs" / "VARIABLES.md"
#: Folders and files of code, and the names of the files in them that are code.
PLACES = ("townlet", "townlet_pipeline", "scripts", "examples", "tests", ".github", ".ci", "configs")
FILES = ("Makefile", "pyproject.toml", "workspace.yaml", "mkdocs.yml")
KINDS = {".py", ".sh", ".yaml", ".yml", ".toml", ".js", ""}


def sources() -> dict[str, str]:
    """The text of every file of code by its place."""
    inside = (file for place in PLACES for file in (ROOT / place).rglob("*") if file.suffix in KINDS)
    files = [*(file for file in inside if file.is_file()), *(ROOT / name for name in FILES)]
    return {str(file.relative_to(ROOT)): file.read_text(errors="ignore") for file in files}


def scheduled() -> set[str]:
    """The variables whose names are made from the names of jobs."""
    return {timetable.variable_of(job) for job in timetable.plans({})}


def test_the_table_has_the_variables_that_the_code_reads_and_no_other() -> None:
    rows = ROW.findall(PAGE.read_text())
    listed = [name for name, *_ in rows]
    assert len(listed) == len(set(listed))
    found = {name for text in sources().values() for name in NAME.findall(text)}
    assert set(listed) == found | scheduled()


def test_each_variable_is_read_where_the_table_says() -> None:
    texts = sources()
    for name, meaning, default, readers in ROW.findall(PAGE.read_text()):
        assert meaning and default
        files = re.findall(r"`([\w/]+\.py)`", readers)
        assert files
        for file in files:
            assert name in texts[file] or (name in scheduled() and file.endswith("timetable.py")), (name, file)


def test_pages_name_no_other_variable() -> None:
    listed = {name for name, *_ in ROW.findall(PAGE.read_text())}
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        assert set(NAME.findall(page.read_text())) <= listed, page.name
