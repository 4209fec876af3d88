"""A filter of requests to the Dagster UI: its own pages and programs on this machine pass, other pages do not.

The UI asks for no password, and any page in the browser may send requests to it. So a request must name this server,
it must not come from another page, and queries must be posted.
"""

import os
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from townlet.errors import InputError

#: Names the hosts, besides loopback, under which the UI is reached, separated by commas.
HOSTS = "TOWNLET_UI_HOSTS"

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def named_hosts() -> frozenset[str]:
    """Return the names in ``$TOWNLET_UI_HOSTS``. Raises InputError for one that cannot be a host's name."""
    names = [name.strip().lower() for name in os.environ.get(HOSTS, "").split(",") if name.strip()]
    for name in names:
        if not re.fullmatch(r"[a-z0-9.-]+", name):
            raise InputError.of(
                "environment", HOSTS, repr(name), "names of hosts such as dagster.example.org, separated by commas"
            )
    return frozenset(names)


class OwnPagesOnly:
    """An ASGI application in front of the UI that refuses other host names, other pages, and queries by GET."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str] = frozenset()) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the UI, or answer it with the reason for its refusal."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif (fault := self._fault_of(scope)) is None:
            await self._app(scope, receive, _forbid_framing(send))
        elif scope["type"] == "websocket":
            await WebSocketClose(1008, fault)(scope, receive, send)
        else:
            await PlainTextResponse(fault, 403)(scope, receive, send)

    def _fault_of(self, scope: Scope) -> str | None:
        """Return why a request is refused, or None if it passes."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _host_name(f"//{host}") not in _LOOPBACK | self._hosts:
            return f"Another host's name. {HOSTS} lists the names of this server besides localhost."
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin, host):
            return "Another page's request"
        if scope["type"] == "http" and scope["path"].endswith("/graphql") and scope["method"] in ("GET", "HEAD"):
            # A GET from another page may carry no Origin header, and Dagster accepts mutations by GET. Its own query
            # editor is an HTML page: it is fetched by GET, and posts its queries.
            return None if "text/html" in headers.get("accept", "") else "Queries are posted"
        return None

    def _is_own(self, origin: str, host: str) -> bool:
        """Return whether a page is this server's own; behind a proxy, it comes from one of the named hosts."""
        scheme, _, rest = origin.partition("://")
        return scheme in ("http", "https") and (rest == host or _host_name(origin) in self._hosts)


def _host_name(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _forbid_framing(send: Send) -> Send:
    """Forbid other pages to show an answer in a frame, where they could trick users into clicking on it."""

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Frame-Options"] = "DENY"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
        await send(message)

    return answer
