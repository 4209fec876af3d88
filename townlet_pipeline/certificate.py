"""The certificate as a job: the commands of ``make certify``, so that button and terminal cannot come apart."""

import functools
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dagster import Failure, OpExecutionContext, op

from townlet.errors import InputError
from townlet_pipeline.artefacts import metadata
from townlet_pipeline.instance.project import project_root
from townlet_pipeline.runs.failures import readable_failures
from townlet_pipeline.runs.worker import die_with

SCRIPT = Path("scripts") / "certify.sh"

#: How bash shows a command that it is about to run.
_COMMAND = "+ "
_LAST_LINES = 15


@op(tags={"kind": "shell"})
def run_certificate(context: OpExecutionContext) -> None:
    """Run `scripts/certify.sh` from the project's folder, each line into the log; fail with the command that failed."""
    script = project_root() / SCRIPT
    with readable_failures():
        if not script.is_file():
            raise InputError.of(script, "", "no such file", "the commands of the certificate")
        commands, last, code = run_script(script, context.log.info)
    if code != 0:
        failed = commands[-1]["command"] if commands else SCRIPT
        raise Failure(f"exit code {code}: {failed}\n" + "\n".join(last), allow_retries=False)
    meanings = {"command": "as it was typed", "seconds": "wall-clock time"}
    context.add_output_metadata({"commands": metadata.table(commands, meanings)})


def run_script(script: Path, say: Callable[[str], None]) -> tuple[list[dict[str, Any]], list[str], int]:
    """Run a script of `set -x` and hand on each line; the commands with their durations, the last lines, the exit code.

    Whatever interrupts it, such as a run that is terminated, ends the command that is at work.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    commands: list[dict[str, Any]] = []
    last: deque[str] = deque(maxlen=_LAST_LINES)
    began = time.monotonic()
    with subprocess.Popen(
        ["bash", str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        cwd=project_root(),
        env={**os.environ, "PATH": path},
        start_new_session=True,
        preexec_fn=functools.partial(die_with, os.getpid()),
    ) as process:
        try:
            for line in _lines(process):
                now = time.monotonic()
                if line.startswith(_COMMAND):
                    _end(commands, now - began)
                    began = now
                    commands.append({"command": line.removeprefix(_COMMAND), "seconds": 0.0})
                last.append(line)
                say(line)
        except BaseException:
            # A run that is terminated is interrupted here; the command at work is not the script's own process.
            os.killpg(process.pid, signal.SIGKILL)
            raise
    _end(commands, time.monotonic() - began)
    return commands, list(last), process.returncode


def _lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip():
            yield line.rstrip()


def _end(commands: list[dict[str, Any]], seconds: float) -> None:
    if commands:
        commands[-1]["seconds"] = round(seconds, 2)
