"""Output into a reader that has seen enough, and help texts as they are written."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.places import ROOT

from townlet.cli import main

RUN = "import sys; from townlet.cli import run; run()"
DRIFT = ROOT / "baselines"


@pytest.mark.parametrize("command", [["--version"], ["--help"], ["train", "--help"], ["schema"]])
def test_a_reader_that_is_gone_is_no_failure(command: list[str]) -> None:
    assert _code_without_reader(command) == (0, "")


def test_nor_is_one_of_what_rich_prints() -> None:
    baseline = next((DRIFT / "queue_conflict").glob("baseline-*.json"))
    assert _code_without_reader(["baselines", "show", str(baseline)]) == (0, "")


def _code_without_reader(command: list[str]) -> tuple[int, str]:
    """Exit code and standard error of a command whose output nobody reads any more when it begins."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        return process.wait(), said


def test_brackets_stay_in_help_texts(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("tensorboard", "mlflow"):
        assert main(["export", command, "--help"]) == 0
        assert f"townlet[{command}]" in capsys.readouterr().out


@pytest.mark.parametrize("number", ["nan", "inf"])
@pytest.mark.parametrize("command", [["bench", "world", "--seconds"], ["watch", "log.jsonl", "--interval"]])
def test_numbers_that_are_none_are_refused(command: list[str], number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, number]) == 2
    assert "is not a finite number" in capsys.readouterr().err
