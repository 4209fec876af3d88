"""The playback page: one HTML file from a template, its style, its scripts and the document they play."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from townlet.view.playback.document import Coding, playback_document
from townlet.view.playback.film import Film

#: The parts of the page; the scripts share one scope, in this order.
PAGE = Path(__file__).parent / "page"
SCRIPTS = ("data", "words", "icons", "camera", "map", "ring", "timeline", "panels", "thoughts", "pane", "player")


def playback_html(
    sides: Sequence[Sequence[Film]], *, labels: Sequence[str] = (), coding: Coding = "deflate-raw"
) -> str:
    """A self-contained page that plays one rollout, or two side by side, each with one or more of its worlds.

    ``labels`` say what to call each side; without them, each is called by who acts in it.

    Its content security policy forbids it to load anything. Equal films give equal bytes.
    """
    document = playback_document(sides, labels=labels, coding=coding)
    names = dict.fromkeys(films[0].manifest.scenario.name for films in sides)
    scripts = "\n".join((PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    parts = {
        "title": escape(" and ".join(names)),
        "style": (PAGE / "style.css").read_text(encoding="utf-8"),
        # Inside a script element, only this could end it or open a comment.
        "document": json.dumps(document, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "script": scripts,
    }
    page = (PAGE / "page.html").read_text(encoding="utf-8")
    before, *rest = page.split("{{")
    return before + "".join(parts[name] + text for name, text in (piece.split("}}", 1) for piece in rest))
