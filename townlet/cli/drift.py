"""``townlet drift``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.places import folder_option
from townlet.errors import InputError
from townlet.files.artefact_names import DRIFT_NAME


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(drift)


def drift(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a finished soak.")],
    baseline: Annotated[
        Path | None,
        typer.Option(metavar="BASELINE.json", help="Baseline file; by default the one that the soak names."),
    ] = None,
    output: Annotated[Path | None, folder_option(help="Folder for the report; by default the soak's.")] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=TARGET", help="Link for the page, to a run for example; may be repeated."),
    ] = None,
    handbook: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Address of the handbook, for the page; by default its file, if present."),
    ] = None,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print the verdict as JSON instead of writing a report; with --output, write drift.json."
        ),
    ] = False,
) -> None:
    """Test a soak for drift from its baseline.

    Prints the verdict, why, and what to do now, and writes the acceptance report. The exit code is 1 unless the soak is
    accepted.
    """
    from townlet.files.storage import pretty_json, write_atomically
    from townlet.soak.evidence import assess_soak
    from townlet.soak.report import HANDBOOK, MARKS, STEM, write_acceptance

    links = dict(_label_and_target(given) for given in link or [])
    if json and (links or handbook):
        option = "--link" if links else "--handbook"
        raise InputError.of("options", option, "--json", "one or the other: only the page has links")
    if json:
        evidence = assess_soak(folder, baseline)
        content = pretty_json(evidence.as_json())
        if output is None:
            typer.echo(content, nl=False)
        else:
            write_atomically(output / DRIFT_NAME, content)
            typer.echo(output / DRIFT_NAME)
    else:
        evidence = write_acceptance(folder, baseline, output=output, links=links, handbook=handbook)
        verdict = evidence.verdict
        colour = {"accept": typer.colors.GREEN, "hold": typer.colors.YELLOW, "reject": typer.colors.RED}
        typer.secho(f"{MARKS[verdict.decision]} {verdict.decision}", fg=colour[verdict.decision], bold=True)
        typer.echo(verdict.why)
        typer.echo(f"Next: {verdict.next_step.sentence} ({HANDBOOK}#{verdict.next_step.handbook})")
        for reason in verdict.details:
            typer.echo(f"- {reason}")
        typer.echo((output or folder) / f"{STEM}.html")
    raise typer.Exit(0 if evidence.verdict.decision == "accept" else 1)


def _label_and_target(link: str) -> tuple[str, str]:
    label, _, target = link.partition("=")
    if not (label and target):
        raise InputError.of("options", "--link", repr(link), "LABEL=TARGET")
    return label, target
