"""Shell commands that reproduce an artefact."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path


def command_line(
    *words: str | Path, options: Mapping[str, object] | None = None, show: Callable[[Path], str] = str
) -> str:
    """Return a ``townlet`` command as one line of shell; ``show`` renders the paths."""
    flags = [
        word
        for name, value in (options or {}).items()
        for word in (f"--{name.replace('_', '-')}", value if isinstance(value, Path) else str(value))
    ]
    return shlex.join(show(word) if isinstance(word, Path) else word for word in ["townlet", *words, *flags])
