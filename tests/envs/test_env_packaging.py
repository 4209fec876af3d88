"""Built-in scenarios are found from anywhere, in a checkout and once installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from support.places import ROOT

import townlet
from townlet.config import load_scenario
from townlet.config.find import builtin_scenarios, find_scenario, scenario_of
from townlet.errors import InputError
from townlet.files.artefact_names import CARD_NAME, WEIGHTS_NAME
from townlet.policies import policies_folder

PLAY = """
import townlet
environment = townlet.parallel_env("queue_conflict", render_mode="ansi")
environment.reset(seed=0)
environment.step({})
print(townlet.__file__)
print(environment.render().splitlines()[0])
"""

LOAD = """
from townlet_pipeline.definitions import defs
from townlet_pipeline.instance.documents import document
print(len(document("docs/OPS_HANDBOOK.md")), len(list(defs.resolve_asset_graph().get_all_asset_keys())))
"""

ABOVE = """
import site
site.addsitedir({site!r})
import townlet
print(townlet.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, without earlier build outputs, and leaving none behind."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("townlet", "townlet_pipeline", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    git(source, "init", "--quiet")
    git(source, "add", "pyproject.toml")
    git(source, "commit", "--quiet", "--message", "A wheel says which commit it was built from")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, str(source / "dist"), str(source)], check=True)
    return next((source / "dist").glob("*.whl"))


def test_a_wheel_holds_all_packages_all_scenarios_and_all_shipped_policies(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {f"townlet/scenarios/{name}.yaml" for name in builtin_scenarios()}
    for package in ("townlet", "townlet_pipeline"):
        expected |= {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")}
    shipped = {str(path.relative_to(ROOT)) for path in policies_folder().rglob("*") if path.is_file()}
    assert {f"townlet/policies/generalist/{name}" for name in (CARD_NAME, WEIGHTS_NAME)} <= shipped
    assert expected | shipped | {"townlet/py.typed"} <= names
    project = {f"townlet/project/{file.relative_to(ROOT)}" for file in (ROOT / "baselines").rglob("*.json")}
    project |= {f"townlet/project/{file.relative_to(ROOT)}" for file in (ROOT / "artifacts").rglob("*.parquet")}
    project |= {f"townlet/project/{file.relative_to(ROOT)}" for file in (ROOT / "docs").rglob("[A-Z]*.md")}
    assert project <= names


def test_an_installed_townlet_makes_its_project_in_an_empty_folder_and_knows_the_pipeline(
    wheel: Path, tmp_path: Path
) -> None:
    """``scripts/try_wheel.py`` goes on from here to the end of the column; it compiles the rules for a minute."""
    binaries, empty = installed(wheel, tmp_path / "environment"), tmp_path / "empty"
    empty.mkdir()
    ours = {"PYTHONPATH", "TOWNLET_PROJECT", "DAGSTER_HOME"}
    variables = {name: value for name, value in os.environ.items() if name not in ours}
    variables["PATH"] = f"{binaries}{os.pathsep}{variables['PATH']}"

    def run(*words: str, code: int = 0) -> str:
        done = subprocess.run(words, cwd=empty, env=variables, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    commit = git(wheel.parent.parent, "rev-parse", "HEAD")
    assert run("townlet", "--version").startswith(f"townlet {townlet.__version__} (commit {commit})\nPython ")
    made, refusal = run("townlet", "pipeline", "run", "town_daz", code=2).splitlines()
    assert made.startswith(f"made a project in {empty}: ")
    assert refusal.endswith("did you mean 'town_day'?")
    assert run("townlet", "init") == f"{empty}: 0 files written\n"
    # The handbook is served although the project has no documentation of its own.
    handbook, assets = (int(number) for number in run("python", "-c", LOAD).split())
    assert handbook > 10_000
    assert assets > 20


def git(folder: Path, *words: str) -> str:
    """What git says in a folder, as somebody whose settings count for nothing."""
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", folder, *identity, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def installed(wheel: Path, environment: Path) -> Path:
    """The folder of the commands of a fresh environment with this wheel, and with the libraries of the present one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    install = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    # Files .pth that lie there, such as that of this checkout, count for nothing.
    (site / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return environment / "bin"


def test_an_installed_townlet_plays_a_built_in_scenario_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    zipfile.ZipFile(wheel).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site), "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", PLAY]
    done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{site / 'townlet' / '__init__.py'}\nqueue_conflict  tick 1 of 80\n"


def test_the_package_is_found_from_the_folder_above_a_clone_of_its_name(tmp_path: Path) -> None:
    """Python takes a folder named like the package for a namespace package, unless it finds a real one on the path."""
    clone, site = tmp_path / "townlet", tmp_path / "site"
    for name in ("townlet", "townlet_pipeline", "configs"):
        shutil.copytree(ROOT / name, clone / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*install, str(site), "--editable", str(clone)], check=True)
    # Without the packages of this environment, in which the project is already installed.
    command = [sys.executable, "-S", "-c", ABOVE.format(site=str(site))]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{clone / 'townlet' / '__init__.py'}\n"


def test_a_scenario_is_given_by_name_by_path_or_as_an_object() -> None:
    path = ROOT / "configs" / "scenarios" / "queue_conflict.yaml"
    assert find_scenario("queue_conflict").samefile(path)
    assert find_scenario(str(path)) == find_scenario(path) == path
    scenario = load_scenario(path)
    assert scenario_of(scenario) is scenario
    assert scenario_of("queue_conflict") == scenario_of(str(path)) == scenario


def test_a_name_that_no_scenario_has_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(
        InputError, match=r"found 'queue_conflicts', expected a YAML file, or one of .*'queue_conflict'\?"
    ):
        find_scenario("queue_conflicts")


def test_a_path_to_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        scenario_of(tmp_path / "queue_conflict.yaml")
