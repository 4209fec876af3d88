"""Text from outside, made safe for a terminal."""

from __future__ import annotations

import io
import sys


def printable(text: str) -> str:
    """Escape every unprintable character (control characters, line feeds, bytes that are not text).

    The result can neither move a terminal's cursor nor imitate a line that Townlet printed.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def show_what_can_be_shown() -> None:
    """Make standard output and error replace the characters that they cannot encode, instead of raising an error."""
    for stream, instead in ((sys.stdout, "replace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=instead)
