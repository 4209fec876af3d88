"""The making of a project folder: what comes with Townlet, and what Dagster and git read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from townlet.config.find import scenarios_folder
from townlet.errors import InputError
from townlet.files.outputs import folder_place, make_folder
from townlet.files.storage import read_bytes, write_atomically
from townlet.project.shipped import FOLDERS, shipped_files, shipped_sweeps

#: Where a project keeps its scenarios. A folder is a project if it has this one.
SCENARIOS = Path("configs") / "scenarios"
#: Where it keeps what its sweeps may vary, in files named after their scenarios.
SWEEPS = Path("configs") / "sweeps"

#: Read by Dagster's own commands, such as ``dagster dev``.
_WORKSPACE = """\
load_from:
  - python_module:
      module_name: townlet_pipeline.definitions
      attribute: defs
      location_name: townlet
"""
_IGNORED = "runs/\ntmp/\n.dagster/\n.dagster-shared/\n.lock\n"


@dataclass(frozen=True)
class Made:
    """The files of a project after it was made or completed, as paths relative to its folder."""

    written: tuple[Path, ...]
    """Files that were missing."""
    kept: tuple[Path, ...]
    """Files that were there with other content than the one that comes with Townlet."""


def make_project(folder: Path) -> Made:
    """Make a folder a project, or add what a project lacks; no file that is there is changed.

    Each file is written whole, scenarios last, so the same call completes what an interrupted one left. The folder is
    created if need be.

    Raises InputError for a place in which there can be no folder, and for a file that is something else.
    """
    written, kept = [], []
    folder_place(folder)
    for name, content in _contents():
        file = folder / name
        if file.is_file():
            if read_bytes(file, "a file of the project") != content:
                kept.append(name)
            continue
        if file.exists():
            raise InputError.of(file, "", "no regular file", "a file of the project, or nothing")
        make_folder(file.parent)
        write_atomically(file, content)
        written.append(name)
    return Made(tuple(written), tuple(kept))


def is_project(folder: Path) -> bool:
    """Return whether a folder is a project: whether it has ``configs/scenarios``."""
    return (folder / SCENARIOS).is_dir()


def may_become_project(folder: Path) -> bool:
    """Return whether a folder holds nothing that people see, so that a project may be made in it without asking."""
    return folder.is_dir() and all(entry.name.startswith(".") for entry in folder.iterdir())


def _contents() -> Iterator[tuple[Path, bytes]]:
    yield Path("workspace.yaml"), _WORKSPACE.encode()
    yield Path(".gitignore"), _IGNORED.encode()
    home = shipped_files()
    for top in FOLDERS:
        for file in sorted(each for each in (home / top).rglob("*") if each.is_file() and each.name[0] != "."):
            yield file.relative_to(home), file.read_bytes()
    for file in sorted(shipped_sweeps().glob("*.yaml")):
        yield SWEEPS / file.name, file.read_bytes()
    for file in sorted(scenarios_folder().glob("*.yaml")):
        yield SCENARIOS / file.name, file.read_bytes()
