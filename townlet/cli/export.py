"""``townlet export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.places import folder_option

export = typer.Typer(name="export", help="Hand a training log on to other tools.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(export)


@export.callback()
def _export() -> None:
    """Hand a training log on to other tools."""


@export.command()
def tensorboard(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Telemetry log (JSONL).")],
    output: Annotated[Path, folder_option(help="New folder for the event file.")],
) -> None:
    """Write the curves of a training as TensorBoard event files; needs `pip install 'townlet[tensorboard]'`."""
    from townlet.telemetry.tensorboard import export_tensorboard

    curves = export_tensorboard(log, output)
    typer.echo(f"{curves} curves; look at them with: tensorboard --logdir {output}")


@export.command()
def mlflow(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Telemetry log (JSONL).")],
    tracking_uri: Annotated[str, typer.Option(help="Server or database: http://..., sqlite:///mlflow.db, ...")],
    experiment: Annotated[str, typer.Option(help="Experiment; created if there is none of that name.")] = "townlet",
    run_name: Annotated[
        str | None, typer.Option(show_default=False, help="Name of the run; that of the log's folder by default.")
    ] = None,
) -> None:
    """Write the curves of a training to MLflow, or what came since; needs `pip install 'townlet[mlflow]'`."""
    from townlet.telemetry.mlflow import export_mlflow

    done = export_mlflow(log, tracking_uri, experiment, run_name)
    typer.echo(f"{done.curves} curves, {done.added} points added; run {done.run_name} of experiment {experiment}")
