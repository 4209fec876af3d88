"""Tables of scores with their intervals, in which no number and no name is cut, and sentences below them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from townlet.telemetry.formatting import number

if TYPE_CHECKING:
    from rich.console import Console

_BOX = box.SIMPLE_HEAD
#: A label with its unit, and scores by who acts.
Scores = Iterable[tuple[str, str, Mapping[str, Mapping[str, float]]]]


def scores_console() -> Console:
    """A console for scores; in a pipe, no line is broken."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 1000
    return console


def print_matrix(console: Console, title: str, heading: str, scores: Mapping[str, Mapping[str, str]]) -> None:
    """Print scores as a table of rows and columns; where it is too wide, with one line per row and column."""
    columns = list(next(iter(scores.values())))
    wide = Table(heading, *(f"others: {name}" for name in columns), title=title, title_justify="left", box=_BOX)
    for row, cells in scores.items():
        wide.add_row(row, *cells.values())
    if console.measure(wide, options=console.options.update(max_width=100_000)).maximum <= console.width:
        console.print(wide)
        return
    table = Table(title=title, title_justify="left", box=_BOX)
    table.add_column(heading, overflow="fold")
    table.add_column("others", overflow="fold")
    table.add_column("mean", no_wrap=True)
    for row, cells in scores.items():
        for index, (column, cell) in enumerate(cells.items()):
            table.add_row(row if index == 0 else "", column, cell)
    console.print(table)


def print_scores(console: Console, who: str, scores: Scores, title: str = "") -> None:
    """Print one line per score and behaviour: the label, the unit below it, who acts, and the mean with its interval.

    ``who`` is the heading of the column that names behaviours; the longest of these are broken over lines.
    """
    table = Table(box=_BOX, title=title or None, title_justify="left")
    # A number is never broken, and a label only where names leave it no room.
    table.add_column("metric", min_width=20)
    table.add_column(who, overflow="fold")
    table.add_column("mean", no_wrap=True)
    for label, unit, means in scores:
        beside = [label, f"  {unit}", *[""] * len(means)]
        for (behavior, value), words in zip(means.items(), beside, strict=False):
            table.add_row(words, behavior, plus_minus(value))
        if len(means) == 1:
            table.add_row(beside[1], "", "")
    console.print(table)


def plus_minus(value: Mapping[str, float]) -> str:
    """A mean with half its interval, such as ``0.0123 ± 0.0045``."""
    half = value["high"] - value["mean"]
    return f"{number(value['mean'])} ± {number(half) if half >= 100 else f'{half:.2g}'}"


def print_sentence(console: Console, text: str) -> None:
    """Print a sentence, broken between words on a terminal; in a pipe it is one line."""
    console.print(text, soft_wrap=not console.is_terminal)
