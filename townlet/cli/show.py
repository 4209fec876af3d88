"""``townlet show``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet.cli.places import file_option, require_apart
from townlet.cli.settings import SettingsOption

if TYPE_CHECKING:
    from rich.console import Console

    from townlet.config import Scenario


#: Where one's own scenarios lie.
_OWN = Path("configs") / "scenarios"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(show)


def show(
    scenario: Annotated[
        str | None,
        typer.Argument(
            metavar="[SCENARIO]",
            help="Scenario file, or the name of a scenario.",
            autocompletion=lambda incomplete: [name for name in _names() if name.startswith(incomplete)],
        ),
    ] = None,
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
    width: Annotated[
        int | None,
        typer.Option(
            min=20, max=10_000, help="Columns; by default those of the terminal, and as many as needed in a pipe."
        ),
    ] = None,
    png: Annotated[Path | None, file_option(help="Write a picture of it as PNG instead.")] = None,
    svg: Annotated[Path | None, file_option(help="Write a picture of it as SVG instead.")] = None,
    settings: SettingsOption = None,
) -> None:
    """Show a scenario, or a town drawn from a number, before anything runs: map, objects, people, day and rules.

    Without arguments, list the scenarios that come with Townlet, and those in configs/scenarios. The same number always
    gives the same town. The demand on a type of object is the share of their time that people need them.
    """
    from townlet.config import load_scenario
    from townlet.config.drawn import drawn_scenario
    from townlet.config.settings import with_settings

    if all(value is None for value in (scenario, draw, people, output, png, svg)):
        _list(width)
        return
    _require_together(scenario, draw, settings, {"--people": people, "--output": output})
    if output is not None and draw is not None:
        _write(draw, people, output)
        return
    file = None if scenario is None else _file_of(scenario)
    for picture in (png, svg):
        require_apart(picture, file)
    shown = drawn_scenario(draw, people=people) if draw is not None else load_scenario(file or Path())
    shown = with_settings(shown, settings or ())
    if png is not None or svg is not None:
        _draw(shown, png, svg)
        return
    from townlet.view.scenario_text import print_scenario

    print_scenario(_console(width), shown)
    if draw is not None:
        _say_how_to_keep(draw, people, shown.name)


def _say_how_to_keep(number: int, people: int | None, name: str) -> None:
    size, file = [] if people is None else ["--people", str(people)], f"{name}.yaml"
    typer.echo("\nTo keep this town, and to record a day in it with the trained policy:")
    typer.echo(f"  {shlex.join(['townlet', 'show', '--draw', str(number), *size, '--output', file])}")
    typer.echo(f"  {_capture(Path(file))}")


def _require_together(
    scenario: str | None, draw: int | None, settings: list[str] | None, of_drawn: Mapping[str, object]
) -> None:
    if (scenario is None) == (draw is None):
        raise typer.BadParameter("needs one of the two", param_hint="SCENARIO / --draw")
    for name, value in of_drawn.items():
        if draw is None and value is not None:
            raise typer.BadParameter("needs --draw NUMBER", param_hint=name)
    if of_drawn["--output"] is not None and settings:
        raise typer.BadParameter("cannot change what --output writes; edit that file", param_hint="--set")


def _console(width: int | None) -> Console:
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    if width is not None or not console.is_terminal:
        # Lines that another program reads are not broken.
        console.width = width or 1000
    return console


def _file_of(words: str) -> Path:
    """The file of a path, or of the name of a scenario that comes with Townlet or is in configs/scenarios."""
    from townlet.config.find import builtin_scenarios, find_scenario

    own = _OWN / f"{words}.yaml"
    if words not in builtin_scenarios() and "/" not in words and own.is_file():
        return own
    return Path(str(find_scenario(words)))


def _names() -> list[str]:
    """Names of scenarios that a shell can complete."""
    from townlet.config.find import builtin_scenarios
    from townlet.config.load import scenario_names

    return sorted({*builtin_scenarios(), *scenario_names(_OWN)})


def _list(width: int | None) -> None:
    from townlet.config.find import scenarios_folder
    from townlet.view.scenario_list import print_scenarios

    shipped = scenarios_folder()
    folders = {"These come with Townlet:": shipped}
    if _OWN.is_dir() and _OWN.resolve() != shipped:
        folders[f"These are in {_OWN}:"] = _OWN
    print_scenarios(_console(width), folders)
    typer.echo("\n`townlet show NAME` shows one of them.")


def _draw(scenario: Scenario, png: Path | None, svg: Path | None) -> None:
    from townlet.files.storage import write_atomically
    from townlet.view.map_picture import scenario_png, scenario_svg

    for file, draw in ((png, scenario_png), (svg, scenario_svg)):
        if file is not None:
            write_atomically(file, draw(scenario))
            typer.echo(file)


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
