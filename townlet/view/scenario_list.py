"""List of scenarios, one line each, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from townlet.config.load import load_scenario, scenario_names
from townlet.errors import InputError
from townlet.text.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console

#: The least room for a description, in characters.
_LEAST = 24


def print_scenarios(console: Console, folders: Mapping[str, Path]) -> None:
    """Print the scenarios of each folder under its title: name, size, people, and the description as far as it fits.

    A file that cannot be loaded has its first fault in place of a description.
    """
    listed = {
        title: [(name, *_about(folder / f"{name}.yaml")) for name in scenario_names(folder)]
        for title, folder in folders.items()
    }
    rows = [row for each in listed.values() for row in each]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for number, (title, each) in enumerate(listed.items()):
        console.print(f"{chr(10) if number else ''}{title}", soft_wrap=True)
        for row in each:
            line = Text("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)))
            if console.width >= sum(widths) + _LEAST:
                line.append(f"  {row[3]}")
                line.truncate(console.width, overflow="ellipsis")
            line.rstrip()
            console.print(line, soft_wrap=True)


def _about(file: Path) -> tuple[str, str, str]:
    try:
        scenario = load_scenario(file)
    except InputError as error:
        return "", "", f"unusable: {str(error).splitlines()[0]}"
    size = f"{scenario.map.width}×{scenario.map.height}"
    people = len(scenario.people)
    description = printable(" ".join(scenario.description.split()))
    return size, f"{people:,} {'person' if people == 1 else 'people'}", description
