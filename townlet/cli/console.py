"""Progress on the terminal; silent where nobody watches, so that piped output stays clean."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Protocol

import typer


class Advance(Protocol):
    """Tells a progress bar how far things are."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """``done`` of ``total`` units, and a few words to show beside the bar."""


@contextlib.contextmanager
def progress_bar(name: str, unit: str) -> Iterator[Advance]:
    """A bar on standard error with rate and time left; yields ``advance(done, total)``."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=None, note="")

        def advance(done: int, total: int, note: str = "") -> None:
            progress.update(task, completed=done, total=total, note=note)

        yield advance


def compiling_notice() -> None:
    """Say so when the first step will take long because the rules are not compiled yet."""
    from townlet.world.compile import is_compiled

    if not is_compiled():
        typer.echo("compiling the town's rules; once per version, well under a minute", file=sys.stderr)
