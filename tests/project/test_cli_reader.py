"""Commands whose output is not read to the end, brackets in help texts, and numbers that are not finite."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.places import ROOT

from townlet.cli import main

RUN = "import sys; from townlet.cli import run; run()"


@pytest.mark.parametrize("command", [["--version"], ["--help"], ["train", "--help"], ["schema"]])
def test_a_command_without_a_reader_succeeds(command: list[str]) -> None:
    assert _code_without_reader(command) == (0, "")


def test_a_table_without_a_reader_succeeds() -> None:
    baseline = next((ROOT / "baselines" / "queue_conflict").glob("baseline-*.json"))
    assert _code_without_reader(["baselines", "show", str(baseline)]) == (0, "")


def _code_without_reader(command: list[str]) -> tuple[int, str]:
    """Exit code and standard error of a command whose standard output is closed from the start."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        return process.wait(), errors


def test_help_texts_keep_their_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("tensorboard", "mlflow"):
        assert main(["export", command, "--help"]) == 0
        assert f"townlet[{command}]" in capsys.readouterr().out


@pytest.mark.parametrize("number", ["nan", "inf"])
@pytest.mark.parametrize("command", [["bench", "world", "--seconds"], ["watch", "log.jsonl", "--interval"]])
def test_numbers_that_are_not_finite_are_refused(
    command: list[str], number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, number]) == 2
    assert "is not a finite number" in capsys.readouterr().err
