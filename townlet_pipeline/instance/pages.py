"""The store's pages for the browser: a small read-only server beside the UI, from which a browser opens no file.

``python -m townlet_pipeline.instance.pages`` serves the files of ``runs/store`` on loopback; ``make ui`` starts it.
Materializations link to it, whichever process makes them, so its address is fixed by variables.
"""

import contextlib
import html
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
from townlet_pipeline.instance.commands import say, start
from townlet_pipeline.instance.project import project_root, shown

#: The address of the pages, for links: by default this machine's, at the port after the UI's.
ADDRESS = "TOWNLET_PAGES"
PORT = "TOWNLET_PAGES_PORT"

_LOOPBACK = "127.0.0.1"
_DEFAULT_PORT = 3001
#: So many browsers are answered at once; each is a thread and a file descriptor.
_CONNECTIONS = 32
#: A page may run its own script and show what is in it, and nothing else: whoever made it, it reads no other page,
#: sends nothing anywhere, and is no part of the UI's or of another site's page.
_APART = {
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_TEXT = dict.fromkeys((".jsonl", ".md", ".yaml"), "text/plain; charset=utf-8")


def served_folder() -> Path:
    """The folder whose files have addresses: the project's store."""
    return project_root() / "runs" / "store"


def page_url(file: Path, fragment: str = "") -> str | None:
    """The address of a file of the store, with a ``fragment`` such as ``#t=28&w=0``; None for a file elsewhere.

    Raises InputError for an unusable ``$TOWNLET_PAGES`` or ``$TOWNLET_PAGES_PORT``.
    """
    folder = served_folder()
    if not file.is_relative_to(folder):
        return None
    return f"{page_address()}/{urllib.parse.quote(file.relative_to(folder).as_posix())}{fragment}"


def page_address() -> str:
    """How addresses of pages begin, without a slash at the end: ``$TOWNLET_PAGES``, else loopback and the port.

    Raises InputError if one of the two variables is unusable.
    """
    named = os.environ.get(ADDRESS)
    if not named:
        return f"http://{_LOOPBACK}:{_port()}"
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", named):
        raise InputError.of("environment", ADDRESS, repr(named), "an address such as https://pages.example.org/townlet")
    return named.rstrip("/")


def page_server(folder: Path, port: int, *, with_parent: bool = False) -> ThreadingHTTPServer:
    """A server of a folder's files on loopback, which listens once this returns; ``serve_forever`` answers.

    It serves nothing but files of that folder and, at ``/``, links to its pages: no other listing, nothing hidden,
    nothing that a link leads out to. With
    ``with_parent`` it ends when the process does that started this one. Raises InputError for a port that is in use.
    """
    try:
        return (_WithParent if with_parent else _Server)((_LOOPBACK, port), partial(_Pages, folder))
    except OSError as error:
        told = (error.strerror or str(error)).lower()
        raise InputError.of("pages", PORT, f"{port}, {told}", "a free port") from None


def index_of(folder: Path) -> str:
    """A page with links to the pages of a store, by scenario; other files, and what is hidden, are not named."""
    found: dict[str, list[str]] = {}
    for page in sorted(folder.glob("[!.]*/[!.]*/[!.]*.html")):
        name = page.relative_to(folder)
        link = f'<li><a href="/{urllib.parse.quote(name.as_posix())}">{html.escape("/".join(name.parts[1:]))}</a>'
        found.setdefault(name.parts[0], []).append(link)
    lists = [f"<h2>{html.escape(scenario)}</h2><ul>{''.join(links)}</ul>" for scenario, links in found.items()]
    body = "".join(lists) or "<p>There is no page yet: they are made by make run, and in the UI.</p>"
    return f"<!doctype html><title>Pages of Townlet</title><h1>Pages</h1>{body}"


class _Pages(SimpleHTTPRequestHandler):
    """GET and HEAD of the files of a folder, and of a list of the pages among them."""

    #: Seconds that a browser may take for a request.
    timeout = 30
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, **_TEXT}

    def __init__(self, folder: Path, *arguments: Any) -> None:
        self._folder = folder.resolve()
        super().__init__(*arguments, directory=str(self._folder))

    def send_head(self) -> Any:
        """The file that was asked for, ready to be sent; None, once it is said why, if there is no such page."""
        if not self._asked_by_name():
            self.send_error(HTTPStatus.FORBIDDEN, "Another host's name")
            return None
        if urllib.parse.urlsplit(self.path).path == "/":
            return self._index()
        try:
            file = self._file()
            content = file.open("rb")
        except (OSError, ValueError, RuntimeError):
            self.send_error(HTTPStatus.NOT_FOUND, "No such page in this machine's store")
            return None
        return self._head_of(file, content)

    def _file(self) -> Path:
        """The file that was asked for, where links lead included; raises OSError or ValueError if it is not served,
        and RuntimeError for links that lead in a circle."""
        file = Path(self.translate_path(self.path)).resolve(strict=True)
        parts = file.relative_to(self._folder).parts
        if any(part.startswith(".") for part in parts) or not file.is_file():
            raise FileNotFoundError(file)
        return file

    def _head_of(self, file: Path, content: BinaryIO) -> BinaryIO:
        return self._head(self.guess_type(str(file)), os.fstat(content.fileno()).st_size, content)

    def _index(self) -> BinaryIO:
        content = index_of(self._folder).encode()
        return self._head("text/html; charset=utf-8", len(content), BytesIO(content))

    def _head(self, kind: str, size: int, content: BinaryIO) -> BinaryIO:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        # A page is written anew under the same name.
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        return content

    def end_headers(self) -> None:
        """Add what keeps a page apart from everything else in the browser, to errors as well."""
        for name, value in _APART.items():
            self.send_header(name, value)
        super().end_headers()

    def _asked_by_name(self) -> bool:
        """Whether the request names this server: a foreign page whose name was made to lead here does not."""
        return _host(self.headers.get("Host", "")) in {_LOOPBACK, "localhost", _host(page_address())}

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: the terminal is the UI's."""


class _Server(ThreadingHTTPServer):
    """A server that says nothing of browsers that go away in the midst of a page, and that answers so many at once."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *arguments: Any) -> None:
        self._places = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Wait for a place; whoever holds one gives it back within the time of a request."""
        self._places.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the place back in the end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report any other error as ever."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _WithParent(_Server):
    """A server that ends with the process that started it."""

    def __init__(self, *arguments: Any) -> None:
        self._parent = os.getppid()
        super().__init__(*arguments)

    def service_actions(self) -> None:
        """Look after the parent, twice a second."""
        if os.getppid() != self._parent:
            raise SystemExit(0)


def _host(address: str) -> str:
    """The name in an address or in a request's ``Host``, without scheme and port."""
    return re.sub(r"^https?://", "", address).split("/")[0].split(":")[0]


def _port() -> int:
    named = os.environ.get(PORT) or str(_DEFAULT_PORT)
    if not named.isdecimal() or not 0 < int(named) < 65536:
        raise InputError.of("environment", PORT, repr(named), "a port from 1 to 65535")
    return int(named)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    with_parent: Annotated[
        bool, typer.Option("--with-parent", help="End when the process does that started this one.")
    ] = False,
) -> None:
    """Serve the store's pages on loopback until interrupted."""
    folder, port = served_folder(), _port()
    # Requests are compared with it.
    page_address()
    with page_server(folder, port, with_parent=with_parent) as server:
        say(f"pages of {shown(folder)}: http://{_LOOPBACK}:{port}", sys.stderr)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    start(app)
