"""Requirements: ranges in the metadata, each with a lower bound, and pins that lie within them."""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.places import ROOT, TESTS

import townlet

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements() -> Iterator[Requirement]:
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    yield from (Requirement(line) for lines in lists for line in lines if not line.startswith("townlet["))


def pins() -> dict[str, str]:
    lines = (line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#"))
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


@pytest.mark.parametrize("requirement", list(requirements()), ids=lambda requirement: requirement.name)
def test_a_requirement_is_a_range_with_a_lower_bound_that_holds_the_pin(requirement: Requirement) -> None:
    operators = {specifier.operator for specifier in requirement.specifier}
    assert ">=" in operators
    assert not operators & {"==", "~=", "==="}, "pins stand in constraints.txt"
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_the_version_is_said_once() -> None:
    assert "version" in PROJECT["dynamic"]
    first = next(line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))
    assert first == f"## {townlet.__version__}"
    assert f"\nversion: {townlet.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_trials_of_the_bounds_name_all_extras_of_users_and_files_that_exist() -> None:
    bounds = load("bounds")
    assert {*bounds.EXTRAS, "dev", "docs", "examples"} == PROJECT["optional-dependencies"].keys()
    assert [name for name in bounds.CORE if not (TESTS / name).is_file()] == []


def load(script: str) -> object:
    place: Path = ROOT / "scripts" / f"{script}.py"
    spec = importlib.util.spec_from_file_location(script, place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
