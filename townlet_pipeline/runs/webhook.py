"""The webhook to which incidents and verdicts are posted. Its address may be a secret, so no message here quotes it."""

import json
import os
import ssl
import threading
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError

#: Names the address to which incidents are posted as JSON, such as a chat's incoming webhook.
WEBHOOK = "TOWNLET_WEBHOOK"

#: How the sentence on a message begins that has arrived.
POSTED = f"posted to {WEBHOOK}"

#: For the whole exchange: a server that sends a byte now and then must not hold up the sensors.
_TIMEOUT_SECONDS = 10.0


def webhook_address() -> str | None:
    """Return the address in ``$TOWNLET_WEBHOOK``, if it is set."""
    return os.environ.get(WEBHOOK)


def post(url: str, message: Mapping[str, Any]) -> str:
    """Post a message as JSON and return a sentence on the outcome. Redirects (status 3xx) count as failures."""
    if not url.startswith(("http://", "https://")):
        return _failed("it does not begin with http:// or https://")
    body, outcomes = json.dumps(message).encode(), [_failed(f"no answer within {_TIMEOUT_SECONDS:.0f} s")]
    # A connection's timeout applies to each read alone, so the deadline is kept from outside.
    posting = threading.Thread(target=lambda: outcomes.append(_post(url, body)), daemon=True)
    posting.start()
    posting.join(_TIMEOUT_SECONDS)
    return outcomes[-1]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects, which would turn a POST into a GET without its body."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing, so that the status becomes the error."""


def _post(url: str, body: bytes) -> str:
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return f"{POSTED}: status {answer.status}"
    except (OSError, HTTPException, ValueError) as error:
        return _failed(_describe_without_address(error))


def _failed(reason: str) -> str:
    return f"{WEBHOOK} could not be reached: {reason}"


def _describe_without_address(error: Exception) -> str:
    """Return the error's reason in words that do not quote the address, as most errors' messages do."""
    if isinstance(error, HTTPError):
        return f"status {error.code}"
    reason = error.reason if isinstance(error, URLError) and isinstance(error.reason, OSError) else error
    text = reason.strerror if isinstance(reason, OSError) and not isinstance(reason, ssl.SSLError) else None
    return text or type(reason).__name__
