"""Recorder of a training: it listens to one and has another process write its points."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from townlet.errors import Fault, InputError
from townlet.files.outputs import file_place
from townlet.tracking.destination import Destination
from townlet.tracking.run import Status

if TYPE_CHECKING:
    from townlet.config.training import TrainingConfig

#: Seconds between two looks at the log: a batch of many points costs little more than one of few.
INTERVAL = 2.0
#: The process has the module path of this one.
_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from townlet.tracking.process import main; main()"


class Recorder:
    """A listener of one training, for its ``progress``, that tracks it in other tools.

    Used as a context around the training; the way in which the block ends becomes the run's state. Without
    destinations nothing happens. The training's thread writes two short lines in all to a pipe: everything else is done
    by a process of low priority, which reads the training's log.

    Args:
        destinations: where to track; see :func:`townlet.tracking.destinations`.
        folder: the training's folder.
        log: the training's log, which must be a file.
        name: of the run; by default the folder's name.
        tags: further tags of the run, without the prefix ``townlet.``.
        warn: called with a sentence if a destination cannot be reached during the training.
        interval: seconds between two looks at the log.

    Entering raises InputError, with nothing changed but empty folders and the experiment made, if a tool is not
    installed, or an address, folder or database cannot be used. Later failures are told to ``warn``, once each.
    """

    def __init__(
        self,
        destinations: Sequence[Destination],
        folder: Path,
        log: Path,
        *,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        warn: Callable[[str], None] = warnings.warn,
        interval: float = INTERVAL,
    ) -> None:
        if destinations and file_place(log).is_stream:
            raise InputError.of("options", "--ppo-log", str(log), "a file: tracking reads the log")
        self._spec = {
            "destinations": [asdict(each) for each in destinations],
            "folder": str(folder.absolute()),
            "log": str(log.absolute()),
            "name": name or folder.absolute().name,
            "tags": dict(tags or {}),
            "interval": interval,
        }
        self._also: Callable[[dict[str, Any]], None] | None = None
        self._warn = warn
        self._process: subprocess.Popen[bytes] | None = None
        self._begun, self._reading = False, False
        self._answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        #: Tool, id and link of each run, once the training has begun.
        self.runs: list[dict[str, str]] = []

    def beside(self, progress: Callable[[dict[str, Any]], None]) -> Self:
        """Return this recorder, which from now on calls another function for the training's ``progress`` first."""
        self._also = progress
        return self

    def start(self) -> None:
        """Start the process; :meth:`require_ready` waits for it, so that other work can be done meanwhile."""
        if not self._spec["destinations"] or self._process is not None:
            return
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()
        self._send(self._spec)

    def require_ready(self) -> None:
        """Wait until every destination is known to be usable. Raises InputError if one is not."""
        if self._process is None:
            return
        answer = self._answers.get()
        if "ready" in answer:
            return
        self._listening.join()
        fault = answer.get("fault")
        if isinstance(fault, list):
            raise InputError(Fault(*each) for each in fault)
        expected = "a process that tracks the training"
        raise InputError.of("options", "--track", f"{fault or self._last_words()}", expected)

    def __enter__(self) -> Self:
        self.start()
        try:
            self.require_ready()
        except BaseException:
            self._kill()
            raise
        return self

    def begins(self, resumed: bool, configured: TrainingConfig) -> None:
        """Begin the run, or go on with that of the resumed training."""
        self._begun, self._reading = True, resumed
        self._send({"begin": resumed, "configured": configured.model_dump(mode="json")})
        begins = getattr(self._also, "begins", None)
        if begins is not None:
            begins(resumed, configured)

    def __call__(self, record: dict[str, Any]) -> None:
        """Hear of an epoch: after the first, the log is this training's."""
        if self._also is not None:
            self._also(record)
        if not self._reading:
            self._reading = True
            self._send({"read": True})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish("FINISHED")
        else:
            self.finish("KILLED" if issubclass(kind, KeyboardInterrupt | SystemExit) else "FAILED")

    def finish(self, status: Status) -> None:
        """Have the process complete the run, and wait for it.

        A finished training that was already done before is completed, too, if its points could not be written then.
        """
        if self._process is None:
            return
        if status == "FINISHED" and not self._begun:
            self._send({"begin": True, "configured": None})
        self._send({"end": status})
        try:
            self._listening.join()
            self._process.wait()
        finally:
            self._kill()

    def _send(self, request: Mapping[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            # _listen has told it.
            return

    def _listen(self) -> None:
        """Hear the process; tell its warnings, and an end that it did not announce."""
        process = self._process
        assert process is not None and process.stdout is not None
        heard = False
        for line in process.stdout:
            try:
                answer = json.loads(line)
            except ValueError:
                # Printed before the process took its output for itself, as by a sitecustomize.
                continue
            if not isinstance(answer, dict):
                continue
            if "warning" in answer:
                self._warn(answer["warning"])
            elif "runs" in answer:
                self.runs = answer["runs"]
            elif not heard:
                heard = True
                self._answers.put(answer)
            else:
                self._warn(self._stopped(str(answer)))
        code = process.wait()
        if not heard:
            self._answers.put({})
        elif code and self._process is process:
            self._warn(self._stopped(f"code {code}: {self._last_words()}"))

    def _stopped(self, why: str) -> str:
        later = f"townlet export adds the missing points of {self._spec['log']}"
        return f"tracking stopped ({why}); the training goes on, and {later}"

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no message"

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        self._listening.join()
        with contextlib.suppress(BrokenPipeError), process, self._errors:
            pass
