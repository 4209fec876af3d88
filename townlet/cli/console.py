"""Progress on the terminal; silent where nobody watches, so that piped output stays clean."""

from __future__ import annotations

import contextlib
import functools
import math
import sys
from collections.abc import Iterator
from typing import Protocol

import typer


def finite(value: float | None) -> float | None:
    """An option's number, for its ``callback``; NaN and infinities are refused, which pass Click's bounds."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value


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


def compiling_notice(*, elsewhere: bool = False) -> None:
    """Let it be said when compiling the rules begins, because then the first step takes long.

    Nothing is said of a town that is never made, for want of an input. ``elsewhere``: the rules are compiled by other
    processes, which have nobody to say it to; it is said at once then.
    """
    from townlet.world.engine.compile import is_compiled

    if is_compiled():
        return
    if elsewhere:
        _say_compiling()
    else:
        _listen()


def _say_compiling() -> None:
    typer.echo("compiling the town's rules; once per version, well under a minute", file=sys.stderr)


@functools.cache
def _listen() -> None:
    from numba.core import event

    class Notice(event.Listener):
        said = False

        def on_start(self, event: object) -> None:
            if not self.said:
                _say_compiling()
            self.said = True

        def on_end(self, event: object) -> None:
            pass

    event.register("numba:compile", Notice())  # type: ignore[no-untyped-call]
