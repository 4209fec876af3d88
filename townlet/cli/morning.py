"""``townlet morning``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.options import PrintJson
from townlet.cli.places import file_option
from townlet.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(morning)


def morning(
    store: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of all artefacts; by default runs/store.")
    ] = None,
    baselines: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Promoted baselines: their scenarios have nights.")
    ] = Path("baselines"),
    incidents: Annotated[Path, typer.Option(metavar="FOLDER", help="What is on record about failed runs.")] = Path(
        "runs/incidents"
    ),
    day: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Day of the night; by default the last one.")
    ] = None,
    json: PrintJson = False,
    output: Annotated[Path | None, file_option(help="Write the page, and JSON beside it, instead of printing.")] = None,
    now: Annotated[
        str | None, typer.Option(metavar="TIME", help="Moment that decides what is missed; by default the present.")
    ] = None,
    cron: Annotated[str, typer.Option(envvar="TOWNLET_NIGHTLY_SOAK_CRON", help="When nights start.")] = "0 4 * * *",
    timezone: Annotated[str, typer.Option(envvar="TOWNLET_TIMEZONE", help="Time zone of days.")] = "UTC",
    handbook: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Address of the handbook; by default docs/OPS_HANDBOOK.md.")
    ] = None,
    runs: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Beginning of the addresses of Dagster's runs, for links.")
    ] = None,
    incident_pages: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Beginning of the addresses of incidents' pages, for links.")
    ] = None,
) -> None:
    """Show last night's verdicts, why, and what to do next.

    Prints each scenario, the most urgent first, with its last 14 nights. The exit code is 1 unless every expected night
    is accepted.
    """
    from townlet.files.storage import pretty_json
    from townlet.morning.overview import read_overview
    from townlet.morning.page import page_links, write_morning
    from townlet.morning.schedule import read_day, read_moment, read_schedule
    from townlet.morning.text import terminal_lines

    if store is not None and not store.is_dir():
        raise InputError.of(store, "", "no such folder", "the folder of all artefacts")
    overview = read_overview(
        store or Path("runs/store"),
        baselines=baselines,
        incidents=incidents,
        schedule=read_schedule(cron or "0 4 * * *", timezone or "UTC"),
        now=read_moment(now),
        day=read_day(day) if day else None,
    )
    if output is not None:
        write_morning(overview, output, page_links(output, handbook, runs, incident_pages))
        typer.echo(output, err=json)
    if json:
        typer.echo(pretty_json(overview.as_json()), nl=False)
    elif output is None:
        typer.echo("\n".join(terminal_lines(overview)))
    raise typer.Exit(0 if overview.accepted else 1)
