"""The web server and the daemon as `make ui` starts them, queried over GraphQL as the browser does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.places import ROOT
from support.services import free_port, wait_until

_LAUNCH = """
mutation($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"


class WebServer:
    """A running `townlet_pipeline.ui` and every process that it started."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, home: Path) -> None:
        self.process, self.url, self.home, self.log = process, url, home, home / "dev.log"

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data of a query's answer; errors in it fail the test."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            answer = json.load(error)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def answers(self) -> bool:
        """Return whether the web server is up."""
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/server_info", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def launch(self, job: str, partition: str, config: dict[str, Any]) -> str:
        """Start a job for a partition as the launchpad does; return the run's ID."""
        selector = {"repositoryLocationName": "townlet", "repositoryName": "__repository__", "jobName": job}
        tags = [{"key": "dagster/partition", "value": partition}]
        parameters = {"selector": selector, "runConfigData": config, "executionMetadata": {"tags": tags}}
        answer = self.ask(_LAUNCH, parameters=parameters)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        run: str = answer["run"]["runId"]
        return run

    def finish(self, run: str, seconds: float = 900.0) -> str:
        """Wait until a run has ended, and return its status."""
        ends = ("SUCCESS", "FAILURE", "CANCELED")
        wait_until(lambda: self._status(run) in ends, f"run {run}", seconds)
        return self._status(run)

    def _status(self, run: str) -> str:
        status: str = self.ask(_STATUS, run=run)["runOrError"]["status"]
        return status

    def interrupt(self) -> None:
        """Send what Ctrl-C in its terminal sends: every process of the group gets the signal."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(300)

    def processes(self) -> list[int]:
        """Return the PIDs of all processes of its session that still run, whatever their parent."""
        return [pid for pid in _pids(Path("/proc")) if _session(pid) == self.process.pid]


def _pids(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


def _session(pid: int) -> int | None:
    """Return the session of a process, or None if it has ended."""
    try:
        state, _, _, session = (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[:4]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" else int(session)


def _accept_interrupts() -> None:
    """Restore the default handler of SIGINT, which a shell sets to be ignored in background processes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def web_server(home: Path, **environment: str) -> Iterator[WebServer]:
    """Run the web server, the daemon and the page server, as `make ui` does, on the instance in ``home``."""
    variables = {**os.environ, "DAGSTER_HOME": str(home), **environment}
    port = free_port()
    command = [sys.executable, "-m", "townlet_pipeline.ui", "--port", str(port)]
    with (home / "dev.log").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=variables,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_accept_interrupts,
        )
        server = WebServer(process, f"http://127.0.0.1:{port}", home)
        try:
            wait_until(server.answers, "the web server", 400)
            yield server
        finally:
            if process.poll() is None:
                server.interrupt()
