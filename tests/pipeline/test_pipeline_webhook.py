"""Messages posted to the webhook: what counts as reached, and that no secret address is quoted."""

import contextlib
import socket
import threading

import pytest
from support.webhook_server import webhook_server

from townlet_pipeline.runs import webhook
from townlet_pipeline.runs.webhook import WEBHOOK, post


def test_a_secret_address_is_not_quoted_when_it_cannot_be_reached() -> None:
    secret = "T0KEN"
    for address, why in {
        f"http://127.0.0.1:9/{secret}": "Connection refused",
        f"http://127.0.0.1:9/a b/{secret}": "InvalidURL",
        f"http://127.0.0.1:{secret}/": "InvalidURL",
        f"http://[{secret}": "ValueError",
        f"{secret}.example.org": "it does not begin with http:// or https://",
    }.items():
        assert post(address, {}) == f"{WEBHOOK} could not be reached: {why}"
    with webhook_server(500) as (address, _):
        assert post(address, {}) == f"{WEBHOOK} could not be reached: status 500"


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirected_message_has_reached_nobody(status: int) -> None:
    with webhook_server(200) as (there, arrived), webhook_server(status, Location=there) as (address, _):
        assert post(address, {}) == f"{WEBHOOK} could not be reached: status {status}"
    assert arrived == []


def test_a_server_that_answers_a_byte_now_and_then_does_not_hold_up_the_sensors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "_TIMEOUT_SECONDS", 0.5)
    ended = threading.Event()

    def trickle(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            while not ended.wait(0.05):
                connection.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=trickle, args=(server,), daemon=True).start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert post(address, {}).startswith(f"{WEBHOOK} could not be reached: no answer within")
        ended.set()
