"""The page server: what it serves, what it refuses, and when it ends."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from support.places import ROOT
from support.services import free_port, wait_until

from townlet.errors import InputError
from townlet_pipeline.instance import pages
from townlet_pipeline.instance.pages import ADDRESS, PORT, page_server, page_url, served_folder

PAGE = "queue_conflict/rollout_playback/playback.html"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    monkeypatch.delenv(PORT, raising=False)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with a page, a log and a lock, and a secret file beside it."""
    page = tmp_path / "store" / PAGE
    page.parent.mkdir(parents=True)
    page.write_text("<title>the page</title>")
    (page.parent / "log.jsonl").write_text("{}\n")
    (page.parent / ".playback.lock").write_text("run 1")
    (tmp_path / "secret.html").write_text("secret")
    (page.parent / "out.html").symlink_to(tmp_path / "secret.html")
    return tmp_path / "store"


@pytest.fixture
def port(store: Path) -> Iterator[int]:
    with page_server(store, 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def ask(port: int, path: str, method: str = "GET", host: str = "127.0.0.1") -> tuple[int, str, bytes]:
    """Request a path exactly as given; return status, content type and body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", f"{host}:{port}")
    connection.endheaders()
    answer = connection.getresponse()
    received = answer.status, answer.headers["Content-Type"], answer.read()
    connection.close()
    return received


def test_a_page_is_served_as_it_is_in_the_store_whatever_the_query(port: int, store: Path) -> None:
    assert ask(port, f"/{PAGE}") == (200, "text/html", b"<title>the page</title>")
    assert ask(port, f"/{PAGE}?a=b", "HEAD") == (200, "text/html", b"")
    assert ask(port, "/queue_conflict/rollout_playback/log.jsonl") == (200, "text/plain; charset=utf-8", b"{}\n")
    (store / PAGE).write_text("anew")
    assert ask(port, f"/{PAGE}")[2] == b"anew"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.html",
        "/queue_conflict/../../secret.html",
        "/%2e%2e/secret.html",
        "/queue_conflict/rollout_playback/out.html",
        "/queue_conflict/rollout_playback/.playback.lock",
        "/queue_conflict/rollout_playback/",
        "/nothing.html",
        "/a%00b",
    ],
)
def test_files_outside_the_store_hidden_files_and_listings_are_not_served(port: int, path: str) -> None:
    status, _, body = ask(port, path)
    assert status == 404
    assert b"secret</" not in body
    assert b"playback.html" not in body


def test_the_first_page_links_to_all_pages_and_to_nothing_else(port: int, store: Path) -> None:
    odd = store / "2026-11-30|<b>a" / "acceptance_report" / "acceptance.html"
    odd.parent.mkdir(parents=True)
    odd.write_text("a night")
    status, kind, body = ask(port, "/")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    links = re.findall(r'href="([^"]+)"', body.decode())
    assert [ask(port, link)[0] for link in links if "out.html" not in link] == [200, 200]
    assert f"/{PAGE}" in links
    assert "<b>" not in body.decode()
    assert b"jsonl" not in body
    assert b"lock" not in body
    assert ask(port, "/?a=b", "HEAD") == (200, "text/html; charset=utf-8", b"")


@pytest.mark.parametrize("path", ["/", f"/{PAGE}", "/nothing.html"])
def test_every_answer_isolates_the_page_in_the_browser(port: int, path: str) -> None:
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        headers = connection.getresponse().headers
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"sandbox allow-scripts", "default-src 'none'", "form-action 'none'", "frame-ancestors 'none'"} <= {*policy}
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_client_that_sends_half_a_request_is_cut_off_and_blocks_nobody(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_CONNECTIONS", 4)
    monkeypatch.setattr(pages._Pages, "timeout", 2)
    before = threading.active_count()
    with page_server(store, 0) as server, contextlib.ExitStack() as stack:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        for _ in range(7):
            half = stack.enter_context(socket.create_connection(server.server_address[:2]))
            half.sendall(b"GET / HT")
        wait_until(lambda: threading.active_count() - before == 1 + 4, "four connections")
        assert ask(server.server_port, f"/{PAGE}")[0] == 200
        assert threading.active_count() - before <= 1 + 4
        server.shutdown()


def test_it_is_read_only_and_answers_only_under_its_own_names(port: int) -> None:
    assert ask(port, f"/{PAGE}", "POST")[0] == ask(port, f"/{PAGE}", "DELETE")[0] == 501
    assert ask(port, f"/{PAGE}", host="localhost")[0] == 200
    assert ask(port, f"/{PAGE}", host="elsewhere.example.org")[0] == 403


def test_a_file_in_the_store_has_an_address_and_another_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = served_folder() / PAGE
    assert page_url(page, "#t=28&w=0") == f"http://127.0.0.1:3001/{PAGE}#t=28&w=0"
    assert page_url(tmp_path / "playback.html") is None
    monkeypatch.setenv(PORT, "4000")
    assert page_url(page) == f"http://127.0.0.1:4000/{PAGE}"
    monkeypatch.setenv(ADDRESS, "https://pages.example.org/townlet/")
    assert page_url(page) == f"https://pages.example.org/townlet/{PAGE}"


@pytest.mark.parametrize(("name", "value"), [(PORT, "80a"), (PORT, "70000"), (ADDRESS, "pages"), (ADDRESS, "http://")])
def test_an_unusable_address_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"environment: {name}: found '{value}'"):
        page_url(served_folder() / PAGE)


def test_a_port_that_is_in_use_is_named(port: int, store: Path) -> None:
    with pytest.raises(InputError, match=f"{PORT}: found {port}, address already in use, expected a free port"):
        page_server(store, port)


def test_the_command_ends_with_the_process_that_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv(PORT, str(port))
    command = f"{sys.executable} -m townlet_pipeline.instance.pages --with-parent & exec sleep 600"
    with subprocess.Popen(["sh", "-c", command], cwd=ROOT, stderr=subprocess.PIPE, text=True) as shell:
        assert shell.stderr is not None
        assert shell.stderr.readline() == f"pages of runs/store: http://127.0.0.1:{port}\n"
        assert ask(port, "/nothing")[0] == 404
        shell.kill()
        wait_until(lambda: not _listens(port), "the end of the pages")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
