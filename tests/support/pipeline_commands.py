"""Commands of the pipeline, run in this process, which has imported already what a fresh one would import."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from townlet_pipeline.instance.commands import run_command
from townlet_pipeline.run import app


def make_run(*words: str, **environment: str) -> CompletedProcess[str]:
    """The end of ``python -m townlet_pipeline.run`` with these words and these variables."""
    return ended(lambda: run_command(app), *words, **environment)


def ended(command: Callable[[], object], *words: str, **environment: str) -> CompletedProcess[str]:
    """The end of a command that reads its words from ``sys.argv`` and exits.

    Afterwards the variables are as before, among them DAGSTER_HOME, which opening an instance sets.
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as end,
    ):
        patch.setattr(sys, "argv", ["command", *words])
        for name, value in {"DAGSTER_HOME": "", **environment}.items():
            patch.setenv(name, value)
        command()
    return CompletedProcess(words, int(end.value.code or 0), out.getvalue(), err.getvalue())
