"""Requests to the UI: it answers its own pages and this machine's programs, and refuses other pages in the browser."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from townlet.errors import InputError
from townlet_pipeline.instance.origins import HOSTS, OwnPagesOnly, named_hosts

HOST = "127.0.0.1:3000"


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"reached by {request.method}")


async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("reached")
    await websocket.close()


@pytest.fixture
def client() -> TestClient:
    methods = ["GET", "POST", "PUT", "DELETE"]
    routes = [
        WebSocketRoute("/graphql", talk),
        Route("/graphql", answer, methods=methods),
        Route("/{path:path}", answer, methods=methods),
    ]
    return TestClient(
        OwnPagesOnly(Starlette(routes=routes), frozenset({"dagster.example.org"})), base_url=f"http://{HOST}"
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": f"http://{HOST}"}, 200),
        ({"Host": "localhost:3000"}, 200),
        ({"Host": "[::1]:3000", "Origin": "http://[::1]:3000"}, 200),
        ({"Host": "dagster.example.org", "Origin": "https://dagster.example.org"}, 200),
        ({"Origin": "https://dagster.example.org"}, 200),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://127.0.0.1:3001"}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Origin": "https://example.org"}, 403),
        ({"Origin": "http://127.0.0.1:3000.example.org"}, 403),
        ({"Origin": "http://[", "Host": "localhost"}, 403),
        ({"Host": "example.org:3000", "Origin": "http://example.org:3000"}, 403),
        ({"Host": "127.0.0.1.example.org"}, 403),
        ({"Host": ""}, 403),
    ],
)
def test_only_requests_that_name_this_server_and_come_from_its_own_pages_pass(
    client: TestClient, method: str, headers: dict[str, str], status: int
) -> None:
    answered = client.request(method, "/report_asset_materialization/a", headers=headers)
    assert answered.status_code == status
    assert (answered.text == f"reached by {method}") == (status == 200)


def test_queries_must_be_posted(client: TestClient) -> None:
    assert client.post("/graphql").status_code == 200
    assert client.get("/graphql?query=mutation{x}").status_code == 403
    assert client.get("/graphql?query=mutation{x}", headers={"Accept": "application/json"}).status_code == 403
    editor = client.get("/graphql", headers={"Accept": "text/html"})
    assert editor.status_code == 200
    assert editor.headers["X-Frame-Options"] == "DENY"


def test_subscriptions_are_for_its_own_pages_only(client: TestClient) -> None:
    with client.websocket_connect("/graphql", headers={"Origin": f"http://{HOST}", "Host": HOST}) as websocket:
        assert websocket.receive_text() == "reached"
    for headers in ({"Origin": "https://example.org", "Host": HOST}, {"Host": "example.org"}):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/graphql", headers=headers):
            pass


def test_hosts_are_named_individually(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOSTS, " A.example.org, b ,")
    assert named_hosts() == {"a.example.org", "b"}
    monkeypatch.setenv(HOSTS, "https://a.example.org")
    with pytest.raises(InputError, match=f"{HOSTS}: found 'https://a.example.org'"):
        named_hosts()
