"""Scenario as text for a terminal: floor plan, objects, people, the day and the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from townlet.config.find import scenario_of
from townlet.config.scenario import Scenario
from townlet.config.town import TRAITS, Personality
from townlet.text.terminal import printable
from townlet.view import scenario_day as day
from townlet.view import scenario_tables as tables
from townlet.view.character_plan import PERSON, WALL, CharacterPlan, character_plan
from townlet.view.floor_plan import floor_plan_of

if TYPE_CHECKING:
    from rich.console import Console

#: Widest floor plan where no width is given, in characters.
_WIDEST = 200
#: Most rows of a table on a terminal.
_MOST_ROWS = 40
_WALL_STYLE, _PERSON_STYLE = "bright_black", "bold bright_white on blue"
_OBJECT_STYLES = ("cyan", "yellow", "green", "magenta", "red", "blue")


def print_scenario(console: Console, scenario: Scenario) -> None:
    """Print a scenario as wide as the console, which says whether there are colours."""
    plan = floor_plan_of(scenario)
    console.print(f"{scenario.name}\n{printable(' '.join(scenario.description.split()))}", soft_wrap=True)
    for line in tables.summary_lines(scenario):
        console.print(line, soft_wrap=True)
    _print_plan(console, character_plan(scenario, plan, min(console.width, _WIDEST) - 2))
    _print_table(console, tables.USE_COLUMNS, tables.use_rows(scenario))
    console.print("demand: share of the objects' time that people need, if they meet the need with this use alone")
    _print_table(console, tables.PEOPLE_COLUMNS, tables.people_rows(scenario, plan))
    if any(person.personality != Personality() for person in scenario.people.values()):
        console.print(f"personality: {', '.join(TRAITS)}")
    if scenario.jobs:
        _print_table(console, day.SHIFT_COLUMNS, day.shift_rows(scenario))
    if scenario.schedule:
        _print_table(console, day.SCRIPT_COLUMNS, day.script_rows(scenario))
    _print_table(console, day.RULE_COLUMNS, day.rule_rows(scenario))
    _print_differences(console, scenario)


def _print_differences(console: Console, scenario: Scenario) -> None:
    usual = scenario_of("town_day")
    other = usual if tables.comparable(scenario, usual) else None
    there = other.name if other else "default"
    differing = tables.differences(scenario, other)
    if differing:
        _print_table(console, ("differs from " + (there if other else "the defaults"), "here", there), differing)
    else:
        console.print(f"all rules are as in {there}" if other else "all rules are the defaults")


def _print_plan(console: Console, plan: CharacterPlan) -> None:
    styles = {WALL: _WALL_STYLE, PERSON: _PERSON_STYLE}
    styles |= {letter: _OBJECT_STYLES[i % len(_OBJECT_STYLES)] for i, letter in enumerate(plan.legend)}
    width = plan.marked.shape[1]
    console.print(f"\n┌{'─' * width}┐", soft_wrap=True)
    for line, marked in zip(plan.lines, plan.marked.tolist(), strict=True):
        text = Text("│")
        for character, mark in zip(line.ljust(width), marked, strict=True):
            text.append(character, styles.get(mark, ""))
        console.print(text.append("│"), soft_wrap=True)
    console.print(f"└{'─' * width}┘", soft_wrap=True)
    legend = Text("\n")
    for mark, meaning in {WALL: "wall", PERSON: "where a person starts", **plan.legend}.items():
        legend.append(mark, styles[mark])
        legend.append(f" {meaning}, ")
    legend.right_crop(2)
    console.print(legend, soft_wrap=True)
    if plan.scale > 1:
        console.print(f"a character stands for {plan.scale}×{plan.scale} tiles", soft_wrap=True)


def _print_table(console: Console, columns: tuple[str, ...], rows: tables.Rows) -> None:
    """Print a table without its empty columns, and on a terminal without the rows beyond a number.

    No word is broken: where the console is too narrow for the longest ones side by side, each row is a paragraph.
    """
    shown = [index for index in range(len(columns)) if any(row[index] for row in rows)]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for index in shown:
        words = " ".join([columns[index], *(row[index] for row in rows)]).split()
        table.add_column(columns[index], min_width=max(map(len, words)))
    most = _MOST_ROWS if console.is_terminal else len(rows)
    least = sum(column.min_width or 0 for column in table.columns) + 2 * len(shown) + 2
    if least > console.width:
        _print_paragraphs(console, [(columns[index], [row[index] for row in rows[:most]]) for index in shown])
    else:
        for row in rows[:most]:
            table.add_row(*(row[index] for index in shown))
        console.print(table)
    if len(rows) > most:
        console.print(f"… and {len(rows) - most:,} more; `| less -S` shows all", soft_wrap=True)


def _print_paragraphs(console: Console, columns: list[tuple[str, list[str]]]) -> None:
    (_, names), *others = columns
    console.print()
    for number, name in enumerate(names):
        said = (f"{title} {cells[number]}" for title, cells in others if cells[number])
        console.print(Padding(f"{name}: {'; '.join(said)}", (0, 0, 0, 1)))
    console.print()
