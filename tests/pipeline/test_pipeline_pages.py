"""The page server: what it serves, what it refuses, and when it ends."""

from __future__ import annotations

import contextlib
import html
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from support.places import ROOT
from support.services import free_port, wait_until

from townlet.errors import InputError
from townlet_pipeline.instance import pages
from townlet_pipeline.instance.documents import HANDBOOK, anchors, document
from townlet_pipeline.instance.page_index import MORNING
from townlet_pipeline.instance.pages import (
    ADDRESS,
    PORT,
    UI,
    handbook_url,
    incident_url,
    page_server,
    page_url,
    run_url,
    served_folder,
)

PAGE = "queue_conflict/rollout_playback/playback.html"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    monkeypatch.delenv(PORT, raising=False)
    monkeypatch.delenv(UI, raising=False)


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


def links_of(body: bytes) -> list[str]:
    """The targets of a page's links."""
    return [html.unescape(link) for link in re.findall(r'href="([^"]+)"', body.decode())]


def test_the_first_page_links_to_all_pages_and_to_nothing_else(port: int, store: Path) -> None:
    odd = store / "2026-11-30|<b>a" / "acceptance_report" / "acceptance.html"
    odd.parent.mkdir(parents=True)
    odd.write_text("a night")
    status, kind, body = ask(port, "/")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    links = links_of(body)
    assert [ask(port, f"/{link}")[0] for link in links if "out.html" not in link] == [200, 200, 200]
    assert PAGE in links
    assert "<b>" not in body.decode()
    assert b"jsonl" not in body
    assert b"lock" not in body
    assert ask(port, "/?a=b", "HEAD") == (200, "text/html; charset=utf-8", b"")


def test_the_first_page_begins_with_last_night_and_lists_the_newest_night_of_a_scenario_first(
    port: int, store: Path
) -> None:
    before = ask(port, "/")[2]
    first, *_ = links_of(before)
    assert b"Last night: there is no page yet." in before
    assert first == HANDBOOK
    soaks = [
        f"queue_conflict/{when}/{asset}/acceptance.html"
        for when, asset in (
            ("nights/2026-11-30", "acceptance_report"),
            ("nights/2026-11-29", "acceptance_report"),
            ("weekends/2026-11-23", "endurance_report"),
        )
    ]
    for page in (*soaks, MORNING):
        (store / page).parent.mkdir(parents=True)
        (store / page).write_text("a page")
    body = ask(port, "/")[2]
    assert links_of(body) == [MORNING, HANDBOOK, *soaks, "queue_conflict/rollout_playback/out.html", PAGE]
    assert "night of 2026-11-30: acceptance report" in body.decode() and b"no page yet" not in body


def test_the_handbook_is_served_as_a_page_with_its_anchors(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert handbook_url("night-accepted") == "http://127.0.0.1:3001/handbook#night-accepted"
    status, kind, body = ask(port, f"/{HANDBOOK}")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert b"<h1" in body
    assert "something-is-red" in anchors(body)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/handbook", timeout=20) as answer:
        assert answer.url == f"http://127.0.0.1:{port}/{HANDBOOK}"


def test_every_link_between_the_pages_of_the_documentation_leads_to_a_page_and_an_anchor() -> None:
    found = 0
    for file in (ROOT / "docs").rglob("*.md"):
        name = file.relative_to(ROOT).as_posix()
        for target in links_of(document(name) or b""):
            path, _, anchor = target.partition("#")
            if "://" not in path:
                other = document(os.path.normpath(f"{Path(name).parent}/{path}" if path else name))
                assert other is not None, (name, target)
                assert not anchor or anchor in anchors(other), (name, target)
                found += 1
    assert found > 50


@pytest.mark.parametrize("path", ["docs/nothing.md", "docs/../README.md", "docs/../pyproject.toml", "docs/images"])
def test_only_pages_of_the_documentation_are_documents(path: str, port: int) -> None:
    assert document(path) is None
    assert ask(port, f"/{path}")[0] == 404


def test_an_incidents_page_is_served_without_acting_as_markup_and_nothing_else_beside_it(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path / "project"))
    folder = tmp_path / "project" / "runs" / "incidents"
    for made in (folder, tmp_path / "project" / "configs" / "scenarios"):
        made.mkdir(parents=True)
    (folder / "one.md").write_text("# a run failed\n\n<script>alert(1)</script>\n\n1. [Handbook](http://h/#a)\n")
    (folder / "one.json").write_text("{}")
    assert incident_url("one.md") == "http://127.0.0.1:3001/incidents/one.md"
    status, kind, body = ask(port, "/incidents/one.md")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert b"a run failed</h1>" in body and b"<script" not in body
    assert links_of(body) == ["http://h/#a"]
    for path in ("/incidents/one.json", "/incidents/two.md", "/incidents/", "/incidents/../../docs/SOAK.md"):
        assert ask(port, path)[0] == 404, path


@pytest.mark.parametrize("path", ["/", f"/{PAGE}", "/nothing.html"])
def test_every_answer_isolates_the_page_in_the_browser(port: int, path: str) -> None:
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        headers = connection.getresponse().headers
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"sandbox allow-scripts", "default-src 'none'", "form-action 'none'", "frame-ancestors 'none'"} <= {*policy}
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"


def requests_served() -> int:
    """Requests that are being answered, each in a thread; other threads may end at any moment."""
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


def test_a_client_that_sends_half_a_request_is_cut_off_and_blocks_nobody(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_CONNECTIONS", 4)
    monkeypatch.setattr(pages._Pages, "timeout", 2)
    with page_server(store, 0) as server, contextlib.ExitStack() as stack:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        for _ in range(7):
            half = stack.enter_context(socket.create_connection(server.server_address[:2]))
            half.sendall(b"GET / HT")
        wait_until(lambda: requests_served() == 4, "four connections")
        assert ask(server.server_port, f"/{PAGE}")[0] == 200
        assert requests_served() <= 4
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


def test_a_run_has_an_address_in_the_ui_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_url("1234") == "http://127.0.0.1:3000/runs/1234"
    monkeypatch.setenv(UI, "https://dagster.example.org/")
    assert run_url("1234") == "https://dagster.example.org/runs/1234"
    monkeypatch.setenv(UI, "dagster")
    with pytest.raises(InputError, match=f"environment: {UI}: found 'dagster'"):
        run_url("1234")


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
