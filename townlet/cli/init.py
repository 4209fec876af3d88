"""``townlet init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(init)


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="The project's folder; by default the current one.")
    ] = Path(),
) -> None:
    """Make a folder a project: scenarios, pinned captures and baselines to edit, run and soak.

    No file that is there is changed. After an upgrade, the same command adds what is new, and names files that differ
    from those that come with Townlet.
    """
    from townlet.project import make_project
    from townlet.text.terminal import printable

    made = make_project(folder)
    typer.echo(f"{printable(str(folder.resolve()))}: {len(made.written)} files written")
    for name in made.kept:
        typer.echo(f"kept: {name}, which differs from the one that comes with Townlet")
