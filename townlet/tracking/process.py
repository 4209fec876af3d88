"""Process beside a training that writes its points, so that the training itself never waits for a tool.

It reads one JSON object per line from standard input, and writes such lines to its original standard output:
``begin``, ``read`` and ``end`` come in; ``ready``, ``fault``, ``warning`` and ``runs`` go out. When standard input
ends without ``end``, the training was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.files.artefact_names import TRACKING_NAME
from townlet.files.storage import exclusive_file
from townlet.tracking.book import tracked_in
from townlet.tracking.destination import Destination
from townlet.tracking.run import Status
from townlet.tracking.track import Track, facts_with


class Service:
    """The work of the process: one track for each destination, fed from one log."""

    def __init__(self, spec: Mapping[str, Any], answers: int) -> None:
        self._spec, self._answers = spec, answers
        self.folder, self.log = Path(spec["folder"]), Path(spec["log"])
        self.interval = float(spec["interval"])
        self._configured: Mapping[str, Any] | None = None
        self._begun, self._reading = False, False
        self.tracks = [
            Track(Destination(**each), self.folder, self.log, lambda text: self.answer(warning=text))
            for each in spec["destinations"]
        ]

    def answer(self, **content: Any) -> None:
        """Write a line to the training; a training that is gone reads none."""
        with contextlib.suppress(OSError):
            os.write(self._answers, json.dumps(content).encode() + b"\n")

    def begin(self, resumed: bool, configured: Mapping[str, Any] | None) -> None:
        """Begin every run; of a resumed training, the log can be read at once."""
        self._configured, self._begun, self._reading = configured, True, resumed
        for track in self.tracks:
            track.begin(self._spec["name"], self._facts(), resumed=resumed)
        self.answer(runs=[{"tool": t.destination.tool, "run": t.run.run_id, "link": t.run.link} for t in self.tracks])

    def read(self) -> None:
        """The training's first line is in the log, in place of an earlier training's log."""
        self._reading = True

    def follow(self) -> None:
        """Add the log's new lines to every run."""
        if self._reading:
            for track in self.tracks:
                track.follow()

    def end(self, status: Status) -> None:
        """Complete every run. One that could not be completed is told, with the command that does it later."""
        if not self._begun:
            return
        for track in self.tracks:
            if failure := track.finish(status, self._facts()):
                lacking = f"{track.run.shown} lacks points or files of this training ({failure})"
                self.answer(warning=f"{lacking}; {self._later(track)}")

    def _later(self, track: Track) -> str:
        given = track.destination
        if given.tool == "tensorboard":
            return f"townlet export tensorboard {self.log} --output FOLDER writes them all into a new folder"
        options = f"--tracking-uri {given.shown} --experiment {given.experiment}"
        return f"townlet export mlflow {self.log} {options} adds them"

    def _facts(self) -> Any:
        return facts_with(self.folder, self._configured, self._spec["tags"])


def main() -> None:
    """Serve the training that started this process, until it ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # They reach the whole group; the training says by itself how it ends.
        signal.signal(number, signal.SIG_IGN)
    answers = os.dup(1)
    # Libraries print on occasion.
    os.dup2(2, 1)
    requests = _Requests()
    spec = requests.wait(None)
    assert spec is not None
    service = Service(spec, answers)
    try:
        for track in service.tracks:
            track.run.prepare()
        # A killed training's process may still be completing its runs.
        with _alone(service.folder):
            tracked_in(service.folder)
            service.answer(ready=True)
            _serve(service, requests)
    except OSError as error:
        expected = "a folder that can be written to"
        fault = [str(error.filename or service.folder), "", error.strerror or str(error), expected]
        service.answer(fault=[fault])
    except InputError as error:
        service.answer(fault=[[f.file, f.where, f.found, f.expected] for f in error.faults] or str(error))


def _serve(service: Service, requests: _Requests) -> None:
    # While the training runs, the processors are its own; once it waits for this process, they are not.
    with ThreadPoolExecutor(1, initializer=_step_back) as behind:
        while True:
            request = requests.wait(service.interval)
            if request is None:
                behind.submit(service.follow).result()
            elif "begin" in request:
                service.begin(request["begin"], request["configured"])
            elif "read" in request:
                service.read()
            else:
                service.end(request["end"])
                return


@contextlib.contextmanager
def _alone(folder: Path) -> Any:
    """Hold the lock of the folder's book; wait a while for a process that is about to end."""
    for attempt in range(100):
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(exclusive_file(folder / TRACKING_NAME))
            except InputError:
                if attempt == 99:
                    raise
            else:
                yield
                return
        time.sleep(0.1)


def _step_back() -> None:
    """Leave the processors to others whenever they want them; on Linux, this thread alone does so."""
    with contextlib.suppress(OSError):
        os.nice(19 if sys.platform == "linux" else 0)


class _Requests:
    """Lines of standard input, each a JSON object."""

    def __init__(self) -> None:
        self._parent, self._rest, self._lines = os.getppid(), b"", list[bytes]()

    def wait(self, seconds: float | None) -> dict[str, Any] | None:
        """The next line; None after so many seconds without one. A training that is gone has killed itself."""
        while not self._lines:
            ready, _, _ = select.select([0], [], [], seconds)
            if not ready:
                return None if os.getppid() == self._parent else {"end": "KILLED"}
            chunk = os.read(0, 65536)
            if not chunk:
                return {"end": "KILLED"}
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            self._lines += whole
        parsed = json.loads(self._lines.pop(0))
        assert isinstance(parsed, dict)
        return parsed


if __name__ == "__main__":
    main()
