"""A trial of the wheel as a new user meets it: built, installed into a fresh environment, used in an empty folder.

``python scripts/try_wheel.py`` builds the source archive and from it the wheel, into ``dist/``, installs the wheel with
the extra ``pipeline`` for the Python that runs this script, and runs the README's example, a capture, a training, a
playback page, an evaluation, the whole Dagster column and the UI. Requirements come out as ``--constraint FILE`` says,
by default as in ``constraints.txt``; ``--constraint /dev/null`` takes the newest.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCENARIO = "configs/scenarios/queue_conflict.yaml"
MANIFEST = "tmp/demo/rollout_sample_manifest.json"
#: Each is run in the project's folder; they are those of the README, shortened.
COMMANDS = (
    "townlet --version",
    "townlet init",
    f"townlet capture {SCENARIO} --output tmp/demo",
    f"townlet train {SCENARIO} --mode mixed --replay-manifest {MANIFEST} --cycles 2 "
    "--set ppo.learning_rate=1e-3 --output tmp/policy",
    f"townlet playback {MANIFEST} --output tmp/demo/playback.html",
    f"townlet evaluate tmp/policy --scenario {SCENARIO} --worlds 4",
    "townlet lineage tmp/policy/policy.json",
    "townlet pipeline run queue_conflict --cycles 2 --epochs 2",
)
_PATIENCE_SECONDS = 180


def build(into: Path, tools: Path) -> Path:
    """Build the source archive, and from it the wheel, with the package ``build`` in ``tools``; return the wheel."""
    subprocess.run([sys.executable, "-m", "venv", tools], check=True)
    python = tools / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "build"], check=True)
    subprocess.run([python, "-m", "build", "--outdir", into, ROOT], check=True, stdout=subprocess.DEVNULL)
    return max(into.glob("townlet-*.whl"), key=lambda file: file.stat().st_mtime)


def environment_of(binaries: Path) -> dict[str, str]:
    """The variables of a shell with an active environment and nothing of this project's checkout."""
    ours = {"PYTHONPATH", "TOWNLET_PROJECT", "DAGSTER_HOME", "VIRTUAL_ENV"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}


def example() -> str:
    """The README's Python example, and a line that says where the package lies."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, "print(townlet.__file__)"])


def run(words: list[str], project: Path, variables: Mapping[str, str]) -> str:
    """Run a command in the project's folder, and return what it prints. Raises CalledProcessError if it fails."""
    done = subprocess.run(words, cwd=project, env=variables, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return done.stdout


def try_ui(project: Path, variables: Mapping[str, str]) -> None:
    """Start the UI, wait for its page and the handbook's, and end it as Ctrl-C does."""
    ports = [_free_port(), _free_port()]
    started = subprocess.Popen(
        ["townlet", "pipeline", "ui", "--port", str(ports[0])],
        cwd=project,
        env={**variables, "TOWNLET_PAGES_PORT": str(ports[1])},
        start_new_session=True,
    )
    try:
        _wait_for(f"http://127.0.0.1:{ports[0]}/server_info", "dagster_version", started)
        _wait_for(f"http://127.0.0.1:{ports[1]}/handbook", "Handbook", started)
    finally:
        started.send_signal(signal.SIGINT)
        if started.wait(_PATIENCE_SECONDS) not in (0, 130):
            raise SystemExit(f"the UI ended with exit code {started.returncode}")


def _wait_for(address: str, text: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                if text in answer.read().decode():
                    print(f"{address} answers", flush=True)
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise SystemExit(f"{address} does not answer with {text!r}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    """Build, install and use; return 0, or the exit code of the step that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--constraint", type=Path, default=ROOT / "constraints.txt")
    parser.add_argument("--wheel", type=Path, help="this wheel instead of one that is built now")
    parser.add_argument("--environment", type=Path, help="an environment that is there and has the wheel already")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="townlet-trial-") as folder:
        environment, project = given.environment or Path(folder) / "environment", Path(folder) / "project"
        project.mkdir()
        try:
            if given.environment is None:
                install(given.wheel or build(ROOT / "dist", Path(folder) / "tools"), environment, given.constraint)
            variables = environment_of(environment.resolve() / "bin")
            print(run(["python", "-c", example()], project, variables))
            for command in COMMANDS:
                print(f"$ {command}", flush=True)
                print(run(command.split(), project, variables), flush=True)
            try_ui(project, variables)
        except subprocess.CalledProcessError as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
    print(f"the wheel works on Python {sys.version.split()[0]}")
    return 0


def install(wheel: Path, environment: Path, constraint: Path) -> None:
    """Install a wheel with the extra ``pipeline`` into a fresh environment of this Python."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--constraint", constraint]
    subprocess.run([*pip, f"{wheel.resolve()}[pipeline]"], check=True)


if __name__ == "__main__":
    sys.exit(main())
