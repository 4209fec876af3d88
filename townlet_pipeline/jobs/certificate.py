"""The certificate as a job. It runs the script of ``make certify``, so UI and terminal cannot differ."""

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
from townlet_pipeline.runs.worker import set_parent_death_signal

SCRIPT = Path("scripts") / "certify.sh"

#: The prefix with which bash prints a command before running it.
_COMMAND = "+ "
_LAST_LINES = 15


@op(tags={"kind": "shell"})
def run_certificate(context: OpExecutionContext) -> None:
    """Run `scripts/certify.sh` in the project's folder, with its output in the log, and fail if a command fails."""
    script = project_root() / SCRIPT
    with readable_failures():
        if not script.is_file():
            raise InputError.of(script, "", "no such file", "the commands of the certificate")
        commands, last, code = run_script(script, context.log.info)
    if code != 0:
        failed = commands[-1]["command"] if commands else SCRIPT
        raise Failure(f"exit code {code}: {failed}\n" + "\n".join(last), allow_retries=False)
    meanings = {"command": "as bash printed it", "seconds": "wall-clock time"}
    context.add_output_metadata({"commands": metadata.table(commands, meanings)})


def run_script(script: Path, log_line: Callable[[str], None]) -> tuple[list[dict[str, Any]], list[str], int]:
    """Run a bash script that sets `-x`, and pass each line of its output to ``log_line``.

    An interruption, such as the run's termination, also ends the command that is running.

    Returns the commands with their durations in seconds, the last lines of output, and the exit code.
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
        preexec_fn=functools.partial(set_parent_death_signal, os.getpid()),
    ) as process:
        try:
            for line in _lines(process):
                now = time.monotonic()
                if line.startswith(_COMMAND):
                    _record_duration(commands, now - began)
                    began = now
                    commands.append({"command": line.removeprefix(_COMMAND), "seconds": 0.0})
                last.append(line)
                log_line(line)
        except BaseException:
            # Terminating the run raises here. The running command is a child of the script's process: kill the group.
            os.killpg(process.pid, signal.SIGKILL)
            raise
    _record_duration(commands, time.monotonic() - began)
    return commands, list(last), process.returncode


def _lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip():
            yield line.rstrip()


def _record_duration(commands: list[dict[str, Any]], seconds: float) -> None:
    if commands:
        commands[-1]["seconds"] = round(seconds, 2)
