"""Staleness: an edited source makes stale the assets whose content it affects, and no others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import ROOT

from townlet_pipeline.artefacts.versions import code_sources

#: Studies, whose files hold plots of policies that they train and score.
STUDIES = {"several_seeds", "settings_sweep"}
#: Assets that step the town, besides studies.
STEPPING = {
    "rollout_capture",
    "rollout_playback",
    "trained_policy",
    "ppo_telemetry",
    "policy_evaluation",
    "conflict_baselines",
    "baseline_document",
    "soak_run",
    "endurance_run",
    "outside_policy",
    "outside_capture",
    "outside_evaluation",
    "outside_baseline",
    "outside_soak",
}
#: Assets with plots in their files.
PLOTTING = {"summary_report", "acceptance_report", "endurance_report", "morning_overview", "outside_report"}
#: Assets with anything drawn in their files: plots, or a page that plays a capture.
DRAWING = {*PLOTTING, "rollout_playback"}

_PRINT_VERSIONS = """
import json
from townlet_pipeline.definitions import defs
print(json.dumps({spec.key.to_user_string(): spec.code_version for spec in defs.resolve_all_asset_specs()}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, to be edited."""
    folder = tmp_path_factory.mktemp("copy")
    for package in ("townlet", "townlet_pipeline", "configs"):
        shutil.copytree(ROOT / package, folder / package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def code_versions(packages: Path) -> dict[str, str]:
    """The code version of every asset, by a process that imports the packages in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", _PRINT_VERSIONS],
        cwd=packages,
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=True,
    )
    versions: dict[str, str] = json.loads(done.stdout)
    return versions


@pytest.fixture(scope="module")
def before(copy: Path) -> dict[str, str]:
    return code_versions(copy)


@pytest.mark.parametrize(
    ("file", "stale"),
    [("world/rules/rivalry.py", STEPPING | STUDIES), ("view/style.py", PLOTTING | STUDIES)],
)
def test_an_edited_docstring_makes_stale_the_assets_whose_bytes_the_file_decides(
    copy: Path, before: dict[str, str], file: str, stale: set[str]
) -> None:
    source = copy / "townlet" / file
    original = source.read_text()
    assert original.startswith('"""')
    source.write_text(f'"""Edited. {original[3:]}')
    try:
        after = code_versions(copy)
    finally:
        source.write_text(original)
    assert after.keys() == before.keys()
    assert {asset for asset in before if after[asset] != before[asset]} == stale


def sources_in(folder: str) -> set[str]:
    """The assets whose code version includes a file of a folder of townlet, by the names of the assets' own files."""
    assets = [file for file in (ROOT / "townlet_pipeline").rglob("assets/*.py") if file.stem != "__init__"]
    place = ROOT / "townlet" / folder
    return {file.stem for file in assets if any(each.is_relative_to(place) for each in code_sources(file))}


def test_no_file_of_the_town_decides_what_does_not_step_it_and_none_of_the_views_what_does_not_draw() -> None:
    # The training log is made together with the policy.
    assert sources_in("world") == STEPPING - {"ppo_telemetry"}
    assert sources_in("view") == DRAWING
