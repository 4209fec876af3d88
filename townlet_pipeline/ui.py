"""The start of everything that ``make ui`` starts: code server, web server, daemon and the server of pages."""

import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml

from townlet.errors import InputError, RunError
from townlet_pipeline.instance.commands import say, start
from townlet_pipeline.instance.environment import environment, require_reachable
from townlet_pipeline.instance.home import own_settings
from townlet_pipeline.instance.instance import open_instance

if TYPE_CHECKING:
    from dagster import DagsterInstance

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_PATIENCE_SECONDS = 60


@app.command()
def main(port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the UI on loopback.")] = 3000) -> None:
    """Start the Dagster UI, its daemon and the server of pages; Ctrl-C ends all of them."""
    from townlet_pipeline.instance.origins import named_hosts

    # What a shell starts in the background is deaf to the first, and would hand that on; the second ends it alike.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    require_reachable(environment())
    named_hosts()
    _require_free(port)
    with open_instance() as instance:
        if told := own_settings(Path(instance.root_directory)):
            say(told, sys.stderr)
        with _code_server(instance) as workspace:
            module = [sys.executable, "-m"]
            web = [*module, "townlet_pipeline.instance.webserver", "--workspace", str(workspace), "--port", str(port)]
            daemon = [*module, "dagster._daemon", "run", "--workspace", str(workspace)]
            pages = [*module, "townlet_pipeline.instance.pages", "--with-parent"]
            say(f"Dagster UI: http://127.0.0.1:{port}", sys.stderr)
            _run_until_one_ends({"the web server": web, "the daemon": daemon}, beside=pages)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            told = (error.strerror or str(error)).lower()
            raise InputError.of("ui", "--port", f"{port}, {told}", "a free port") from None


@contextmanager
def _code_server(instance: "DagsterInstance") -> Iterator[Path]:
    """A server of the project's definitions, started anew when it ends, and the file that says where it is."""
    from dagster._cli.proxy_server_manager import ProxyServerManager
    from dagster._core.workspace.load_target import ModuleTarget

    code = ModuleTarget("townlet_pipeline.definitions", "defs", str(Path.cwd()), "townlet")
    with ProxyServerManager(instance, code, "warning") as servers, tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace.yaml"
        workspace.write_text(yaml.dump({"load_from": servers.get_code_server_specs()}), "utf-8")
        yield workspace


def _run_until_one_ends(commands: dict[str, list[str]], *, beside: list[str]) -> None:
    """Run all until interrupted; RunError if one of them ends by itself, whereas what is ``beside`` them may."""
    # In groups of their own, so that Ctrl-C reaches them through this process alone, once.
    started = {name: subprocess.Popen(words, process_group=0) for name, words in commands.items()}
    other = subprocess.Popen(beside, process_group=0)
    try:
        while True:
            for name, process in started.items():
                if process.poll() is not None:
                    raise RunError(f"{name} ended by itself, with exit code {process.returncode}")
            time.sleep(0.5)
    except KeyboardInterrupt:
        say("ending the UI", sys.stderr)
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
    start(app)
