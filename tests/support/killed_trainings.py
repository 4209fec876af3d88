"""Trainings that are killed: each runs in a process of its own, forked from one that has loaded everything.

Run as a program, this module is the process that the others are forked from. It reads one JSON request per line: the
"arguments" of the ``townlet`` command, with "after" (send "signal" after so many seconds) or "at" (the process sends it
to itself at its n-th file operation in "folder"). It answers with the exit code, the errors and the number of
operations.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.places import ROOT, TESTS

_OPERATIONS = {"open", "os.rename", "os.remove", "os.truncate", "os.mkdir", "os.rmdir"}


@dataclass(frozen=True)
class End:
    """How a process ended: its exit code, negative if a signal killed it, its errors, and its file operations."""

    code: int
    errors: str
    operations: int


class Trainings:
    """A starter of processes of ``townlet train`` or another command, which also kills them."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def run(
        self,
        *arguments: object,
        folder: Path,
        after: float | None = None,
        at: int | None = None,
        number: signal.Signals = signal.SIGKILL,
        command: str = "train",
    ) -> End:
        """Run ``townlet train`` or another command with these arguments, to its end or until a signal reaches it."""
        request: dict[str, Any] = {"after": after, "at": at, "signal": int(number), "folder": str(folder)}
        request["arguments"] = [command, *map(str, arguments)]
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return End(**json.loads(self._server.stdout.readline()))


@contextmanager
def trainings() -> Iterator[Trainings]:
    """A server that forks a process for each training."""
    server = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])},
    )
    try:
        ready = Trainings(server)
        # The answer comes once everything is loaded, so that loading does not count in the time of a later request.
        assert ready.run("--help", folder=Path(__file__)).code == 0
        yield ready
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait(timeout=60)


def _serve() -> None:
    import townlet.soak.run
    import townlet.training.run
    from townlet.cli import main
    from townlet.config import load_scenario
    from townlet.envs import parallel_env
    from townlet.training.environment.run import train_env
    from townlet.world import Town

    scenario = ROOT / "configs" / "scenarios" / "queue_conflict.yaml"
    Town(load_scenario(scenario), worlds=1, seed=0).step(*_nobody_acts())
    assert train_env and parallel_env
    assert townlet.soak.run and townlet.training.run and threading.active_count() == 1
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        os.write(answers, json.dumps(_one(main, json.loads(line))).encode() + b"\n")


def _nobody_acts() -> list[Any]:
    import numpy as np

    return [np.zeros((1, 3), np.int32)]


def _one(main: Any, request: dict[str, Any]) -> dict[str, Any]:
    errors_in, errors_out = os.pipe()
    count_in, count_out = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(errors_out, 2)
        _watch(request["folder"], request["at"], request["signal"], count_out)
        os._exit(main(request["arguments"]))
    os.close(errors_out)
    os.close(count_out)
    killer = threading.Timer(request["after"] or 0.0, os.kill, (child, request["signal"]))
    if request["after"] is not None:
        killer.start()
    with os.fdopen(errors_in) as errors, os.fdopen(count_in, "rb") as counts:
        said, operations = errors.read(), len(counts.read())
    # Dead or about to be, but not yet reaped: the killer cannot hit another process.
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    killer.cancel()
    if killer.is_alive():
        killer.join()
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), "errors": said, "operations": operations}


def _watch(folder: str, at: int | None, number: int, count_out: int) -> None:
    """Count operations on files in a folder by a byte each into a pipe; before the ``at``-th, signal this process."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in _OPERATIONS and str(arguments[0]).startswith(folder):
            seen += 1
            if seen == at:
                os.kill(os.getpid(), number)
            os.write(count_out, b".")

    sys.addaudithook(hook)


if __name__ == "__main__":
    _serve()
