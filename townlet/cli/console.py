"""Progress, shown only on a terminal, and checks of numbers."""

from __future__ import annotations

import contextlib
import functools
import math
import sys
from collections.abc import Iterator
from typing import Protocol

import typer


def finite(value: float | None) -> float | None:
    """Callback of numeric options that refuses NaN and infinities, which pass Click's bounds."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value


class Advance(Protocol):
    """Function that updates a progress bar."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show ``done`` of ``total`` units, and a note beside the bar."""


@contextlib.contextmanager
def progress_bar(name: str, unit: str) -> Iterator[Advance]:
    """Show a progress bar with the time left on standard error; yields the function that advances it."""
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
    """Print a notice as soon as the rules are being compiled, because the first step then takes long.

    With ``elsewhere``, other processes compile them and cannot print it, so the notice is printed now. It is printed at
    most once, and never if the rules are compiled already or no town is created.
    """
    from townlet.world.engine.compile import is_compiled

    if is_compiled():
        return
    if elsewhere:
        _print_notice()
    else:
        _print_notice_on_compile()


def _print_notice() -> None:
    typer.echo("compiling the town's rules; once per version, well under a minute", file=sys.stderr)


@functools.cache
def _print_notice_on_compile() -> None:
    from numba.core import event

    class Notice(event.Listener):
        printed = False

        def on_start(self, event: object) -> None:
            if not self.printed:
                _print_notice()
            self.printed = True

        def on_end(self, event: object) -> None:
            pass

    event.register("numba:compile", Notice())  # type: ignore[no-untyped-call]
