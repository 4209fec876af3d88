"""Text from users in Markdown: shown as typed, never interpreted as markup.

The escapes work in Dagster's pages (CommonMark with GitHub's tables) and in the documentation site (Python-Markdown).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

#: Escapes of characters that are markup anywhere in a line.
_MARKUP = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "\\`*[]!"},
        # Python-Markdown accepts no backslash before these.
        **{"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "~": "&#126;"},
    }
)
#: Underscores that can be markup; those within a word, as in most names, cannot.
_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
#: Characters that begin a list or a heading at the start of a line.
_FIRST = re.compile(r"^(\d*)([-+#]|[.)](?=\s|$))")

#: Punctuation that an address keeps; all other, such as brackets and blanks, becomes ``%…``.
_IN_ADDRESSES = "/:?#@!$&*+,;=%~'.-_"


def plain(text: str) -> str:
    """Escape a text for use in a line or a table's cell, without markup, HTML or line breaks.

    Any white space becomes one space; an unprintable character becomes its escape, such as ``\\x1b``.
    """
    escaped = _UNDERSCORE.sub(r"\\_", _one_line(text).translate(_MARKUP)).replace("](", "]\\(")
    if escaped.startswith("="):
        # Below a line of text it would make a heading; Python-Markdown accepts no backslash before it either.
        escaped = f"&#61;{escaped[1:]}"
    return _FIRST.sub(r"\1\\\2", escaped)


def code(text: str) -> str:
    """Return a text as a code span, even if it holds back-ticks; :func:`table` escapes its ``|``."""
    line = _one_line(text)
    if not line:
        return ""
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced(text: str, language: str = "text") -> str:
    """Return lines as a code block, whose fence is longer than any in them; ``language`` must be a safe word."""
    fence = "`" * max(3, _longest_run(text) + 1)
    lines = [_escape_unprintable(line) for line in text.splitlines()]
    return "\n".join([f"{fence}{language}", *lines, fence])


def link(label: str, target: str) -> str:
    """Return a link with a user's text as its label.

    Targets may have the scheme ``http``, ``https`` or none, which makes them paths beside the page. An empty target, or
    one of another scheme, gives plain text.
    """
    scheme = re.match(r"\s*([A-Za-z][A-Za-z0-9+.-]*):", target)
    if not target or (scheme is not None and scheme[1].lower() not in ("http", "https")):
        return plain(f"{label}: {target}" if target else label)
    return f"[{plain(label)}]({quote(target, safe=_IN_ADDRESSES)})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> str:
    """Return a table whose cells are Markdown already; a ``|`` in a cell, as in a code span, is escaped.

    ``right`` tells for each column whether it is right-aligned; by default, none is.
    """
    lines = [header, ["--:" if each else "---" for each in right or [False] * len(header)], *rows]
    return "\n".join("| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in line) + " |" for line in lines)


def _one_line(text: str) -> str:
    return _escape_unprintable(" ".join(text.split()))


def _escape_unprintable(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign == "\t" else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    return sign.encode("ascii", "backslashreplace").decode() if ord(sign) > 127 else f"\\x{ord(sign):02x}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
