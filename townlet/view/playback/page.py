"""HTML of the playback page: a template, its style, its scripts and the document that they play."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from townlet.view.playback.document import Coding, playback_document
from townlet.view.playback.resimulation import Resimulation

#: Folder of the template, style and scripts.
WEB = Path(__file__).parent / "web"
#: Scripts of the page; they share one scope, in this order.
SCRIPTS = ("data", "words", "icons", "camera", "map", "grudges", "timeline", "panels", "person", "pane", "player")


def playback_html(
    sides: Sequence[Sequence[Resimulation]], *, labels: Sequence[str] = (), coding: Coding = "deflate-raw"
) -> str:
    """Build a self-contained page that plays one rollout, or two side by side, each with one or more of its worlds.

    ``labels`` name the sides; by default a side is named after the behaviour that acted. The page's content security
    policy forbids it to load anything. Equal arguments give equal bytes.
    """
    document = playback_document(sides, labels=labels, coding=coding)
    names = dict.fromkeys(side[0].manifest.scenario.name for side in sides)
    scripts = "\n".join((WEB / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    parts = {
        "title": escape(" and ".join(names)),
        "style": (WEB / "style.css").read_text(encoding="utf-8"),
        # Only "<" could end the script element or open a comment in it.
        "document": json.dumps(document, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "script": scripts,
    }
    page = (WEB / "page.html").read_text(encoding="utf-8")
    before, *rest = page.split("{{")
    return before + "".join(parts[name] + text for name, text in (piece.split("}}", 1) for piece in rest))
