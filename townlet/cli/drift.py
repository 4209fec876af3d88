"""``townlet drift``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.places import folder_option
from townlet.errors import InputError

#: A verdict on its own.
DRIFT_NAME = "drift.json"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(drift)


def drift(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a finished soak.")],
    baseline: Annotated[Path | None, typer.Option(help="Baseline instead of the one that the soak names.")] = None,
    output: Annotated[Path | None, folder_option(help="Folder for the report instead of the soak's own.")] = None,
    link: Annotated[
        list[str] | None, typer.Option(help="LABEL=TARGET: a link on the page, such as to a run; may be repeated.")
    ] = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="Print the verdict as JSON and write no report; with --output, write drift.json."),
    ] = False,
) -> None:
    """Judge a soak against its baseline, and write its acceptance report. Exit code 1 unless it is accepted."""
    from townlet.files.storage import pretty_json, write_atomically
    from townlet.soak.evidence import assess_soak
    from townlet.soak.report import STEM, write_acceptance

    links = dict(_parts(given) for given in link or [])
    if json and links:
        raise InputError.of("options", "--link", "--json", "one or the other: only the page has links")
    if json:
        evidence = assess_soak(folder, baseline)
        content = pretty_json(evidence.as_json())
        if output is None:
            typer.echo(content, nl=False)
        else:
            write_atomically(output / DRIFT_NAME, content)
            typer.echo(output / DRIFT_NAME)
    else:
        evidence = write_acceptance(folder, baseline, output=output, links=links)
        typer.echo(f"{evidence.verdict.decision}: {evidence.verdict.reasons}")
        typer.echo((output or folder) / f"{STEM}.html")
    raise typer.Exit(0 if evidence.verdict.decision == "accept" else 1)


def _parts(link: str) -> tuple[str, str]:
    label, _, target = link.partition("=")
    if not (label and target):
        raise InputError.of("options", "--link", repr(link), "LABEL=TARGET")
    return label, target
