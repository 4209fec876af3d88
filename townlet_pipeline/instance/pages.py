"""The page server: a small read-only web server for the store's files, since the UI cannot link to files.

``python -m townlet_pipeline.instance.pages`` serves ``runs/store`` on loopback; ``make ui`` starts it. Any process that
materializes an asset links to it, so environment variables determine its address.
"""

import contextlib
import os
import re
import sys
import threading
import urllib.parse
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from townlet.errors import InputError
from townlet_pipeline.instance.commands import print_line, run_command
from townlet_pipeline.instance.documents import FOLDER, HANDBOOK, INCIDENTS, document
from townlet_pipeline.instance.page_index import index_of
from townlet_pipeline.instance.project import project_root, shown

#: The address of the pages in links; by default loopback, at the port after the UI's.
ADDRESS = "TOWNLET_PAGES"
PORT = "TOWNLET_PAGES_PORT"
#: The address of Dagster's UI in links; `make ui` sets it to its own.
UI = "TOWNLET_UI"

_LOOPBACK = "127.0.0.1"
_DEFAULT_PORT = 3001
_DEFAULT_UI = f"http://{_LOOPBACK}:3000"
#: Requests served at once; each takes a thread and a file descriptor.
_CONNECTIONS = 32
#: A page may run its own script and show its own content, and nothing else: it cannot read other pages, send anything,
#: or appear inside the UI or another site.
_ISOLATION_HEADERS = {
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
#: Where addresses of the documentation and of incidents begin.
_DOCUMENTS = (f"/{FOLDER}/", f"/{INCIDENTS}/")
#: Leads to the handbook among them.
_TO_HANDBOOK = "/handbook"
_TEXT = dict.fromkeys((".jsonl", ".md", ".yaml"), "text/plain; charset=utf-8")


def served_folder() -> Path:
    """Return the folder that the page server serves: the project's store."""
    return project_root() / "runs" / "store"


def page_url(file: Path, fragment: str = "") -> str | None:
    """Return the address of a file in the store, with a ``fragment`` such as ``#t=28&w=0``; None for other files.

    Raises InputError for an unusable ``$TOWNLET_PAGES`` or ``$TOWNLET_PAGES_PORT``.
    """
    folder = served_folder()
    if not file.is_relative_to(folder):
        return None
    return f"{page_address()}/{urllib.parse.quote(file.relative_to(folder).as_posix())}{fragment}"


def page_address() -> str:
    """Return the base address of pages, without a final slash: ``$TOWNLET_PAGES``, else loopback and the port.

    Raises InputError if one of the two variables is unusable.
    """
    return _address(ADDRESS, "https://pages.example.org/townlet") or f"http://{_LOOPBACK}:{_port()}"


def handbook_url(anchor: str = "") -> str:
    """Return the address of the handbook, or of an anchor in it such as ``night-accepted``.

    Raises InputError as :func:`page_address` does.
    """
    return f"{page_address()}{_TO_HANDBOOK}{f'#{anchor}' if anchor else ''}"


def incident_url(name: str = "") -> str:
    """Return the address of a page in ``runs/incidents`` by its name, or how such addresses begin.

    Raises InputError as :func:`page_address` does.
    """
    return f"{page_address()}/{INCIDENTS}/{urllib.parse.quote(name)}"


def ui_address() -> str:
    """Return the base address of Dagster's UI, without a final slash: ``$TOWNLET_UI``, else loopback and port 3000.

    Raises InputError if the variable is unusable.
    """
    return _address(UI, "https://dagster.example.org") or _DEFAULT_UI


def run_url(run_id: str) -> str:
    """Return the address of a run in Dagster's UI. Raises InputError as :func:`ui_address` does."""
    return f"{ui_address()}/runs/{run_id}"


def page_server(folder: Path, port: int, *, with_parent: bool = False) -> ThreadingHTTPServer:
    """Return a server of a folder's files on loopback. It listens already; ``serve_forever`` answers.

    It serves the folder's files and, at ``/``, a list of its pages; no other listing, no hidden files, and nothing
    outside that a link points to. At ``/docs/…`` it serves the project's documentation as HTML, and at
    ``/incidents/…`` the pages in ``runs/incidents``; ``/handbook`` leads to the handbook. Raises InputError for a port
    that is in use.

    Args:
        folder: the folder to serve.
        port: the port on loopback.
        with_parent: whether to end when the process that started this one ends.
    """
    try:
        return (_WithParent if with_parent else _Server)((_LOOPBACK, port), partial(_Pages, folder))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError.of("pages", PORT, f"{port}, {reason}", "a free port") from None


class _Pages(SimpleHTTPRequestHandler):
    """A handler of GET and HEAD for the files of a folder, and for the list of its pages."""

    #: Seconds that a client may take to send a request.
    timeout = 30
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, **_TEXT}

    def __init__(self, folder: Path, *arguments: Any) -> None:
        self._folder = folder.resolve()
        super().__init__(*arguments, directory=str(self._folder))

    def send_head(self) -> Any:
        """Send the headers and return the content, or send an error and return None."""
        if not self._names_this_server():
            self.send_error(HTTPStatus.FORBIDDEN, "Another host's name")
            return None
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        if path == "/":
            return self._page(index_of(self._folder).encode())
        if path == _TO_HANDBOOK:
            return self._redirect(HANDBOOK)
        if path.startswith(_DOCUMENTS) and (page := document(path.lstrip("/"))) is not None:
            return self._page(page)
        try:
            file = self._file()
            content = file.open("rb")
        except (OSError, ValueError, RuntimeError):
            self.send_error(HTTPStatus.NOT_FOUND, "No such page in this machine's store")
            return None
        return self._head_of(file, content)

    def _file(self) -> Path:
        """Return the requested file, links resolved.

        Raises OSError or ValueError for a file that is not served, and RuntimeError for circular links.
        """
        file = Path(self.translate_path(self.path)).resolve(strict=True)
        parts = file.relative_to(self._folder).parts
        if any(part.startswith(".") for part in parts) or not file.is_file():
            raise FileNotFoundError(file)
        return file

    def _head_of(self, file: Path, content: BinaryIO) -> BinaryIO:
        return self._head(self.guess_type(str(file)), os.fstat(content.fileno()).st_size, content)

    def _page(self, content: bytes) -> BinaryIO:
        return self._head("text/html; charset=utf-8", len(content), BytesIO(content))

    def _redirect(self, target: str) -> None:
        """Lead to another page; the browser keeps the anchor."""
        self.send_response(HTTPStatus.FOUND)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _head(self, kind: str, size: int, content: BinaryIO) -> BinaryIO:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        # A page may be overwritten under the same name.
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        return content

    def end_headers(self) -> None:
        """Add the headers that isolate a page from everything else in the browser, to error pages as well."""
        for name, value in _ISOLATION_HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def _names_this_server(self) -> bool:
        """Return whether the request names this server, rather than a foreign host name that resolves to loopback."""
        return _host(self.headers.get("Host", "")) in {_LOOPBACK, "localhost", _host(page_address())}

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing, because the terminal is the UI's."""


class _Server(ThreadingHTTPServer):
    """A server with a limit of requests served at once, which ignores clients that hang up during an answer."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *arguments: Any) -> None:
        self._slots = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Wait for a free slot, then handle the request. Its timeout bounds how long a request holds a slot."""
        self._slots.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle the request, and free its slot."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore broken connections, and report other errors as the base class does."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _WithParent(_Server):
    """A server that ends with the process that started it."""

    def __init__(self, *arguments: Any) -> None:
        self._parent = os.getppid()
        super().__init__(*arguments)

    def service_actions(self) -> None:
        """Exit if the parent has ended; called twice a second."""
        if os.getppid() != self._parent:
            raise SystemExit(0)


def _host(address: str) -> str:
    """Return the host name in an address or in a ``Host`` header, without scheme and port."""
    return re.sub(r"^https?://", "", address).split("/")[0].split(":")[0]


def _address(variable: str, example: str) -> str | None:
    """Return the address in a variable without its final slash; None if it is not set."""
    named = os.environ.get(variable)
    if not named:
        return None
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", named):
        raise InputError.of("environment", variable, repr(named), f"an address such as {example}")
    return named.rstrip("/")


def _port() -> int:
    named = os.environ.get(PORT) or str(_DEFAULT_PORT)
    if not named.isdecimal() or not 0 < int(named) < 65536:
        raise InputError.of("environment", PORT, repr(named), "a port from 1 to 65535")
    return int(named)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    with_parent: Annotated[
        bool, typer.Option("--with-parent", help="End when the process that started this one ends.")
    ] = False,
) -> None:
    """Serve the store's pages on loopback until interrupted."""
    folder, port = served_folder(), _port()
    # Refuse an unusable address now: requests are checked against it.
    page_address()
    with page_server(folder, port, with_parent=with_parent) as server:
        print_line(f"pages of {shown(folder)}: http://{_LOOPBACK}:{port}", sys.stderr)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    run_command(app)
