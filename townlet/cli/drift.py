"""``townlet drift``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(drift)


def drift(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a finished soak.")],
    baseline: Annotated[Path | None, typer.Option(help="Baseline instead of the one that the soak names.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for the report instead of the soak's own.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON; write no report.")] = False,
) -> None:
    """Judge a soak against its baseline, and write its acceptance report. Exit code 1 unless it is accepted."""
    from townlet.soak.evidence import judge_soak
    from townlet.soak.report import STEM, as_json, write_acceptance
    from townlet.storage import pretty_json

    if json:
        evidence = judge_soak(folder, baseline)
        typer.echo(pretty_json(as_json(evidence)), nl=False)
    else:
        evidence = write_acceptance(folder, baseline, output=output)
        typer.echo(f"{evidence.ruling.verdict}: {evidence.ruling.reasons}")
        typer.echo((output or folder) / f"{STEM}.html")
    raise typer.Exit(0 if evidence.ruling.verdict == "accept" else 1)
