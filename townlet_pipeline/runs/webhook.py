"""The message about an incident, posted to whoever should hear of it; its address may be a secret."""

import json
import os
import ssl
import threading
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError

#: Names where incidents are posted as JSON, such as an incoming webhook of a chat.
WEBHOOK = "TOWNLET_WEBHOOK"

#: For all of it: a server that sends a byte now and then must not hold up the sensors.
_TIMEOUT_SECONDS = 10.0


def post(url: str, message: Mapping[str, Any]) -> str:
    """Post a message as JSON and say how that went. What lies elsewhere now (status 3xx) was not reached."""
    if not url.startswith(("http://", "https://")):
        return _failed("it does not begin with http:// or https://")
    body, told = json.dumps(message).encode(), [_failed(f"no answer within {_TIMEOUT_SECONDS:.0f} s")]
    # A time-out of the connection is for each read alone, so the deadline is kept from outside.
    posting = threading.Thread(target=lambda: told.append(_post(url, body)), daemon=True)
    posting.start()
    posting.join(_TIMEOUT_SECONDS)
    return told[-1]


def webhook() -> str | None:
    """The address that ``$TOWNLET_WEBHOOK`` names, if it names one."""
    return os.environ.get(WEBHOOK)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirected, a POST becomes a GET without its body."""

    def redirect_request(self, *_: Any) -> None:
        """Go nowhere; the status is the error."""


def _post(url: str, body: bytes) -> str:
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
        with urllib.request.build_opener(_Stay).open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return f"posted to {WEBHOOK}: status {answer.status}"
    except (OSError, HTTPException, ValueError) as error:
        return _failed(_without_address(error))


def _failed(why: str) -> str:
    return f"{WEBHOOK} could not be reached: {why}"


def _without_address(error: Exception) -> str:
    """Why a message could not be posted; most errors quote the address, or a part of it, which may be a secret."""
    if isinstance(error, HTTPError):
        return f"status {error.code}"
    reason = error.reason if isinstance(error, URLError) and isinstance(error.reason, OSError) else error
    told = reason.strerror if isinstance(reason, OSError) and not isinstance(reason, ssl.SSLError) else None
    return told or type(reason).__name__
