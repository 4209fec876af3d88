"""Text that came from outside, made safe to show."""

from __future__ import annotations

import io
import sys


def printable(text: str) -> str:
    """The text with every character that is none to be seen (control characters, line feeds, bytes that are no text)
    as its escape, so that it can neither move a terminal's cursor nor look like a line of our own."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def show_what_can_be_shown() -> None:
    """From here on, a character that standard output or error cannot encode is replaced and is no error, as in a
    terminal of another locale."""
    for stream, instead in ((sys.stdout, "replace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=instead)
