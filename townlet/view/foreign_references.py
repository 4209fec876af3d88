"""Foreign references of an HTML page: everything that a browser would load from elsewhere on opening it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

#: Attributes whose address a browser loads or follows without a click. The `href` of a link is exempt.
_LOADED = frozenset(
    {"action", "background", "data", "formaction", "href", "ping", "poster", "src", "srcset", "xlink:href"}
)
#: Attributes that may contain `url(…)` as styles do.
_STYLED = frozenset(
    {"style", "fill", "stroke", "filter", "mask", "clip-path", "cursor", "marker-start", "marker-mid", "marker-end"}
)
_IN_STYLES = re.compile(r"""url\(\s*["']?(?!["']?(?:#|data:))[^)]*|@import[^;]*""", re.IGNORECASE)
_IN_SCRIPTS = re.compile(
    r"https?://[^\s\"'`]*|\b(?:fetch|import|importScripts)\s*\(|\b(?:XMLHttpRequest|WebSocket|EventSource|sendBeacon)\b"
)


def foreign_references(page: str, *, scripts: bool = False) -> list[str]:
    """List what a page refers to outside itself, in document order.

    A script of its own counts as a reference unless ``scripts`` is true; then only what the script loads does.
    Addresses in text, such as a scenario's description, and links to click on are no references.
    """
    reader = _Reader(scripts)
    reader.feed(page)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    def __init__(self, scripts: bool) -> None:
        super().__init__()
        self.found: list[str] = []
        self._scripts, self._inside = scripts, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._inside = tag
        if tag == "script" and "json" in values.get("type", ""):
            self._inside = "document"
        elif tag == "script" and not self._scripts:
            self.found.append("<script")
        if tag in ("base", "iframe", "embed", "object") or values.get("http-equiv", "").lower() == "refresh":
            self.found.append(f"<{tag}")
        for name, value in values.items():
            if name in _LOADED and not (tag == "a" and name in ("href", "xlink:href")):
                self.found += [] if value.strip().startswith(("#", "data:")) else [f"{name}={value}"]
            elif name.startswith("on") and not self._scripts:
                self.found.append(name)
            else:
                self.found += _IN_STYLES.findall(value) if name in _STYLED else []

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.found += _IN_STYLES.findall(data)
        elif self._inside == "script":
            self.found += _IN_SCRIPTS.findall(data)
