"""Texts of other people in Markdown: shown as they were typed, never read as markup.

Escapes are chosen so that Dagster's pages (CommonMark with GitHub's tables) and the documentation site, made by
Python-Markdown, read them alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

#: In the place of each character that would be markup anywhere in a line.
_MARKUP = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "\\`*[]!"},
        # Python-Markdown takes no backslash before these.
        **{"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "~": "&#126;"},
    }
)
#: Within a word, as in most names, it is no markup.
_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
#: What begins a list or a heading where it stands first in a line.
_FIRST = re.compile(r"^(\d*)([-+#]|[.)](?=\s|$))")

#: Signs of an address that stay as they are; all others, brackets and blanks among them, are written as ``%…``.
_IN_ADDRESSES = "/:?#@!$&*+,;=%~'.-_"


def plain(text: str) -> str:
    """A text as part of a line, also of a table's cell: no markup, no HTML, no line break.

    Blanks of any kind become one space; a character that cannot be shown becomes its escape, such as ``\\x1b``.
    """
    escaped = _UNDERSCORE.sub(r"\\_", _one_line(text).translate(_MARKUP)).replace("](", "]\\(")
    if escaped.startswith("="):
        # Under a line of text it would make that a heading; Python-Markdown takes no backslash before it either.
        escaped = f"&#61;{escaped[1:]}"
    return _FIRST.sub(r"\1\\\2", escaped)


def code(text: str) -> str:
    """A text as a code span, whatever back-ticks it holds; in a table, :func:`table` sees to its ``|``."""
    line = _one_line(text)
    if not line:
        return ""
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced(text: str, language: str = "text") -> str:
    """Lines as a block of code, in a fence longer than any in them; ``language`` is the program's own word."""
    fence = "`" * max(3, _longest_run(text) + 1)
    lines = [_shown(line) for line in text.splitlines()]
    return "\n".join([f"{fence}{language}", *lines, fence])


def link(label: str, target: str) -> str:
    """A link of the program's own under a text of anybody; the text alone without a target or to another scheme.

    Followed are ``http``, ``https`` and addresses without a scheme, which are paths beside the page.
    """
    scheme = re.match(r"\s*([A-Za-z][A-Za-z0-9+.-]*):", target)
    if not target or (scheme is not None and scheme[1].lower() not in ("http", "https")):
        return plain(f"{label}: {target}" if target else label)
    return f"[{plain(label)}]({quote(target, safe=_IN_ADDRESSES)})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> str:
    """A table of cells that are Markdown already; a ``|`` left in one, as in a code span, does not end it.

    ``right`` says by column whether it is aligned to the right; none is if it is left out.
    """
    lines = [header, ["--:" if each else "---" for each in right or [False] * len(header)], *rows]
    return "\n".join("| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in line) + " |" for line in lines)


def _one_line(text: str) -> str:
    return _shown(" ".join(text.split()))


def _shown(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign == "\t" else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    return sign.encode("ascii", "backslashreplace").decode() if ord(sign) > 127 else f"\\x{ord(sign):02x}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
