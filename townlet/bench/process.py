"""Isolation of measurements: each in a process of its own, bound to its cores, so that a crash ends nothing else."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from townlet.bench.protocol import thread_limits, use_cores
from townlet.errors import RunError

#: Townlet's folder is appended to the path, so that the interpreter's own packages come first.
_START = "import sys; sys.path.append(sys.argv[1]); from townlet.bench.process import answer; answer(*sys.argv[2:])"
_FOLDER_OF_TOWNLET = Path(__file__).parents[2]


def measure_apart(
    function: str,
    arguments: dict[str, Any],
    *,
    python: str = sys.executable,
    environment: dict[str, str] | None = None,
    cores: int = 1,
    limit: float = 900.0,
) -> Any:
    """Call ``module:function`` in a fresh process, and return its result.

    The process runs in an empty folder, because importing PufferLib leaves a link in the current one.

    Args:
        function: module and function, separated by a colon.
        arguments: keyword arguments; they and the result are JSON.
        python: the interpreter.
        environment: additional environment variables.
        cores: cores that the process is bound to, and threads of its libraries.
        limit: seconds after which the process is killed.

    Raises RunError, with the last line of the process's standard error, if the process fails, crashes or takes too
    long, or if there is no such interpreter.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answer.json"
        command = [python, "-c", _START, str(_FOLDER_OF_TOWNLET), function, json.dumps(arguments), str(file)]
        command.append(str(cores))
        try:
            ended = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, **thread_limits(cores), **(environment or {})},
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            raise RunError(f"stopped after {limit:.0f} s") from None
        except OSError as error:
            raise RunError(f"{python}: {error.strerror}") from None
        if ended.returncode < 0:
            raise RunError(f"ended by {signal.Signals(-ended.returncode).name}")
        if ended.returncode or not file.exists():
            lines = ended.stderr.strip().splitlines() or [f"ended with exit code {ended.returncode}"]
            raise RunError(lines[-1])
        return json.loads(file.read_text(encoding="utf-8"))


def answer(function: str, arguments: str, file: str, cores: str) -> None:
    """Call the function and write its result into a file: the other end of :func:`measure_apart`."""
    use_cores(int(cores))
    module, name = function.split(":")
    result = getattr(importlib.import_module(module), name)(**json.loads(arguments))
    Path(file).write_text(json.dumps(result), encoding="utf-8")
