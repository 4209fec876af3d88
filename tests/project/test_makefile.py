"""The Makefile: what ``make clean`` removes, and what ``make distclean`` removes after a question."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.places import ROOT

RESULTS = ("runs/store/queue_conflict/trained_policy/policy.json", ".dagster/history/runs.db", "tmp/demo/ppo.jsonl")
GENERATED = (".venv/installed", "site/index.html", ".mypy_cache/cache", "townlet/__pycache__/a.pyc")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in (*RESULTS, *GENERATED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


def make(project: Path, *words: str, answer: str = "") -> int:
    return subprocess.run(["make", *words], cwd=project, input=answer, capture_output=True, text=True).returncode


def left(project: Path, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if (project / name).exists()]


def test_clean_keeps_results_and_history(project: Path) -> None:
    assert make(project, "clean") == 0
    assert left(project, RESULTS) == list(RESULTS)
    assert left(project, GENERATED) == []


@pytest.mark.parametrize("answer", ["", "\n", "n\n"])
def test_distclean_removes_nothing_without_a_yes(project: Path, answer: str) -> None:
    assert make(project, "distclean", answer=answer) != 0
    assert left(project, RESULTS + GENERATED) == [*RESULTS, *GENERATED]


@pytest.mark.parametrize(("words", "answer"), [(["distclean"], "y\n"), (["distclean", "CONFIRM=yes"], "")])
def test_distclean_removes_everything_that_was_made(project: Path, words: list[str], answer: str) -> None:
    assert make(project, *words, answer=answer) == 0
    assert left(project, RESULTS + GENERATED) == []
