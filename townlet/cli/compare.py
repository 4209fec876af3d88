"""``townlet compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.places import folder_option
from townlet.cli.seeds import wrapped


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(compare)


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN...",
            help="Runs, at least two: folders of train --seeds, folders of single trainings, or names of policies.",
        ),
    ],
    scenario: Annotated[
        Path | None,
        typer.Option(
            metavar="SCENARIO.yaml",
            help="Town to score everybody in; by default the one in which the runs of several seeds were scored.",
        ),
    ] = None,
    worlds: Annotated[
        int | None, typer.Option(help="Number of unseen worlds; by default those on record, or else 16.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Seed of the worlds; by default the one on record, or else the first from 1,000,000 on that nobody "
            "trained with."
        ),
    ] = None,
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Compare each run with each other one, not with the first alone.")
    ] = False,
    output: Annotated[
        Path | None, folder_option(help="Also write comparison.json, comparison.md and comparison.png here.")
    ] = None,
) -> None:
    """Compare trainings in the same unseen worlds, and say which earns more.

    Scores on record are used where they are of the same town and worlds; other policies are scored again.
    """
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.config import load_scenario
    from townlet.files.storage import require_folder
    from townlet.study.comparison import compare as run_comparison
    from townlet.study.comparison import comparison_text, write_comparison
    from townlet.study.comparison.report import COMPARISON_NAME, COMPARISON_NAMES

    if output is not None:
        require_folder(output, COMPARISON_NAMES)
    town = None if scenario is None else load_scenario(scenario)
    with progress_bar("compare", "policies") as advance:
        compiling_notice()
        result = run_comparison(runs, scenario=town, worlds=worlds, seed=seed, progress=advance)
    typer.echo("\n".join(wrapped(line) for line in comparison_text(result, all_pairs=all_pairs).splitlines()))
    if output is not None:
        typer.echo(f"{output / COMPARISON_NAME}  sha256 {write_comparison(result, output)}")
