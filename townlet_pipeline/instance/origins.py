"""Requests to the Dagster UI that are let through: those of its own pages, and of programs on this machine.

The UI asks for no password, and a browser sends requests to it for whatever page it shows. So a request must name this
server, and what changes something must not come from another page.
"""

import os
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from townlet.errors import InputError

#: Names of hosts, besides loopback's, under which the UI is asked for, with commas between.
HOSTS = "TOWNLET_UI_HOSTS"

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def named_hosts() -> frozenset[str]:
    """The names in ``$TOWNLET_UI_HOSTS``; InputError for what is no host's name."""
    names = [name.strip().lower() for name in os.environ.get(HOSTS, "").split(",") if name.strip()]
    for name in names:
        if not re.fullmatch(r"[a-z0-9.-]+", name):
            raise InputError.of(
                "environment", HOSTS, repr(name), "names of hosts such as dagster.example.org, with commas"
            )
    return frozenset(names)


class OwnPagesOnly:
    """An ASGI application in front of the UI's: refuses other hosts' names, other pages, and changes by GET."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str] = frozenset()) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or answer it with the reason why not."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif (fault := self._fault_of(scope)) is None:
            await self._app(scope, receive, _in_no_frame(send))
        elif scope["type"] == "websocket":
            await WebSocketClose(1008, fault)(scope, receive, send)
        else:
            await PlainTextResponse(fault, 403)(scope, receive, send)

    def _fault_of(self, scope: Scope) -> str | None:
        """Why a request is refused, if it is."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name(f"//{host}") not in _LOOPBACK | self._hosts:
            return f"Another host's name. {HOSTS} lists those that this server has besides localhost."
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin, host):
            return "Another page's request"
        if scope["type"] == "http" and scope["path"].endswith("/graphql") and scope["method"] in ("GET", "HEAD"):
            # A page of another origin sends none with a GET, which Dagster would take a mutation from. Its own query
            # editor, which is HTML, is fetched by GET and asks by POST.
            return None if "text/html" in headers.get("accept", "") else "Queries are posted"
        return None

    def _is_own(self, origin: str, host: str) -> bool:
        """Whether a page is this server's own; behind a proxy the host that it was fetched from is a named one."""
        scheme, _, rest = origin.partition("://")
        return scheme in ("http", "https") and (rest == host or _name(origin) in self._hosts)


def _name(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _in_no_frame(send: Send) -> Send:
    """Answers that no other page can show in a frame, where a click would be its own."""

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Frame-Options"] = "DENY"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
        await send(message)

    return answer
