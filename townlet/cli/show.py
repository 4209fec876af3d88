"""``townlet show``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet.cli.places import file_option
from townlet.text.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console

    from townlet.config import Scenario
    from townlet.view.floor_plan import FloorPlan
    from townlet.view.scenario_tables import Rows

#: Widest map whose floor plan is printed, in tiles.
_WIDEST = 200


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(show)


def show(
    scenario: Annotated[Path | None, typer.Argument(metavar="[SCENARIO.yaml]", help="Scenario file.")] = None,
    draw: Annotated[
        int | None,
        typer.Option(
            "--draw", metavar="NUMBER", min=0, max=2**63 - 1, help="Draw a town from this number, from 0 on, instead."
        ),
    ] = None,
    people: Annotated[
        int | None, typer.Option(help="People of the drawn town; by default their number is drawn, too.")
    ] = None,
    output: Annotated[
        Path | None, file_option(help="Write the drawn town as this scenario file, named after it, instead.")
    ] = None,
) -> None:
    """Show a scenario, or a town drawn from a number: floor plan, people, objects and rules.

    The same number always gives the same town. The demand on a type of object is the share of their time that people
    need them.
    """
    from townlet.config import load_scenario
    from townlet.config.drawn import drawn_scenario

    if (scenario is None) == (draw is None):
        raise typer.BadParameter("needs one of the two", param_hint="SCENARIO.yaml / --draw")
    if draw is None:
        for value, name in ((people, "--people"), (output, "--output")):
            if value is not None:
                raise typer.BadParameter("needs --draw NUMBER", param_hint=name)
    if output is not None and draw is not None:
        _write(draw, people, output)
        return
    shown = drawn_scenario(draw, people=people) if draw is not None else load_scenario(scenario or Path())
    _print(shown)
    if draw is not None:
        size = [] if people is None else ["--people", str(people)]
        file = f"{shown.name}.yaml"
        typer.echo("\nTo keep this town, and to record a day in it with the trained policy:")
        typer.echo(f"  {shlex.join(['townlet', 'show', '--draw', str(draw), *size, '--output', file])}")
        typer.echo(f"  {_capture(Path(file))}")


def _write(number: int, people: int | None, output: Path) -> None:
    from townlet.config.drawn import drawn_scenario, drawn_yaml
    from townlet.errors import InputError
    from townlet.files.storage import write_atomically

    drawn = drawn_scenario(number, people=people)
    if output.stem != drawn.name:
        raise InputError.of(output, "", f"the name {output.stem!r}", f"{drawn.name!r}, the scenario's")
    write_atomically(output, drawn_yaml(number, people))
    typer.echo(f"{output}  configuration {drawn.digest}")
    typer.echo(f"next: {_capture(output)}")


def _capture(file: Path) -> str:
    """The command that records a day in a scenario's town with the policy that comes with Townlet."""
    folder = str(file.with_suffix(""))
    return shlex.join(["townlet", "capture", str(file), "--policy", "generalist", "--output", folder])


def _print(scenario: Scenario) -> None:
    from rich.console import Console

    from townlet.config.find import scenario_of
    from townlet.config.town import TRAITS
    from townlet.view import scenario_tables as tables
    from townlet.view.floor_plan import floor_plan_of

    usual = scenario_of("town_day")
    other = usual if tables.comparable(scenario, usual) else None
    plan = floor_plan_of(scenario)
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        # Lines that another program reads are not broken.
        console.width = 1000
    console.print(f"{scenario.name}\n{printable(' '.join(scenario.description.split()))}", soft_wrap=True)
    for line in tables.summary_lines(scenario):
        console.print(line, soft_wrap=True)
    _print_plan(console, scenario, plan)
    _print_table(console, tables.USE_COLUMNS, tables.use_rows(scenario))
    console.print("demand: share of the objects' time that people need, if they meet the need with this use alone")
    _print_table(console, tables.PEOPLE_COLUMNS, tables.people_rows(scenario, plan))
    console.print(f"personality: {', '.join(TRAITS)}")
    there = other.name if other else "default"
    differing = tables.differences(scenario, other)
    if differing:
        _print_table(console, ("differs from " + (there if other else "the defaults"), "here", there), differing)
    else:
        console.print(f"all rules are as in {there}" if other else "all rules are the defaults")


def _print_plan(console: Console, scenario: Scenario, plan: FloorPlan) -> None:
    from townlet.view.character_plan import PERSON, WALL, character_plan

    if scenario.map.width > _WIDEST:
        console.print(f"\nno floor plan: it would be more than {_WIDEST} characters wide")
        return
    drawn = character_plan(scenario, plan)
    console.print()
    for line in drawn.lines:
        typer.echo(line)
    objects = ", ".join(f"{letter} {kind}" for letter, kind in drawn.legend.items())
    console.print(f"\n{WALL} wall, {PERSON} where a person starts, {objects}", soft_wrap=True)


def _print_table(console: Console, columns: tuple[str, ...], rows: Rows) -> None:
    from rich import box
    from rich.table import Table

    table = Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)
