"""The command ``townlet pipeline ui``, also behind ``make ui``: web, code and page servers and the daemon."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml

from townlet.errors import InputError, RunError
from townlet_pipeline.instance.commands import print_line, run_command
from townlet_pipeline.instance.environment import environment, require_reachable
from townlet_pipeline.instance.home import settings_warning
from townlet_pipeline.instance.opening import home_lock, open_instance
from townlet_pipeline.instance.pages import UI, page_address
from townlet_pipeline.instance.project import ensure_project

if TYPE_CHECKING:
    from dagster import DagsterInstance

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_PATIENCE_SECONDS = 60


@app.command()
def main(port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the UI on loopback.")] = 3000) -> None:
    """Start the Dagster UI, its daemon and the page server; Ctrl-C ends all of them."""
    from townlet_pipeline.instance.dagster_internals import DAEMON_MODULE
    from townlet_pipeline.instance.origins import named_hosts
    from townlet_pipeline.schedules import upcoming
    from townlet_pipeline.soak.promotions import report_project

    # A shell starts background processes with SIGINT ignored, and children inherit that. SIGTERM ends the UI as well.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if made := ensure_project():
        print_line(made, sys.stderr)
    require_reachable(environment())
    named_hosts()
    _require_free(port)
    # Pages that runs make link to this UI, unless people reach it under another address.
    os.environ[UI] = os.environ.get(UI) or f"http://127.0.0.1:{port}"
    with open_instance() as instance:
        if warning := settings_warning(Path(instance.root_directory)):
            print_line(warning, sys.stderr)
        with home_lock(Path(instance.root_directory)):
            report_project(instance, say=lambda fault: print_line(fault, sys.stderr))
        with _code_server(instance) as workspace:
            module = [sys.executable, "-m"]
            web = [*module, "townlet_pipeline.instance.webserver", "--workspace", str(workspace), "--port", str(port)]
            daemon = [*module, DAEMON_MODULE, "run", "--workspace", str(workspace)]
            pages = [*module, "townlet_pipeline.instance.pages", "--with-parent"]
            print_line(f"Dagster UI: http://127.0.0.1:{port}", sys.stderr)
            print_line(f"morning page and all others: {page_address()}", sys.stderr)
            for line in upcoming(instance, datetime.now(UTC)):
                print_line(line, sys.stderr)
            _run_until_one_ends({"the web server": web, "the daemon": daemon}, optional=pages)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError.of("ui", "--port", f"{port}, {reason}", "a free port") from None


@contextmanager
def _code_server(instance: "DagsterInstance") -> Iterator[Path]:
    """Run a code server of the project's definitions, restarted if it ends; yield the workspace file that names it."""
    from townlet_pipeline.instance.dagster_internals import ModuleTarget, ProxyServerManager

    code = ModuleTarget("townlet_pipeline.definitions", "defs", str(Path.cwd()), "townlet")
    with ProxyServerManager(instance, code, "warning") as servers, tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace.yaml"
        workspace.write_text(yaml.dump({"load_from": servers.get_code_server_specs()}), "utf-8")
        yield workspace


def _run_until_one_ends(commands: dict[str, list[str]], *, optional: list[str]) -> None:
    """Run all commands until interrupted. Raises RunError if one ends by itself; the ``optional`` one may."""
    # In process groups of their own, so that Ctrl-C reaches them once, through this process.
    started = {name: subprocess.Popen(words, process_group=0) for name, words in commands.items()}
    other = subprocess.Popen(optional, process_group=0)
    try:
        while True:
            for name, process in started.items():
                if process.poll() is not None:
                    raise RunError(f"{name} ended by itself, with exit code {process.returncode}")
            time.sleep(0.5)
    except KeyboardInterrupt:
        print_line("ending the UI", sys.stderr)
    finally:
        for process in (*started.values(), other):
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    run_command(app)
