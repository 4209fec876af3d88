"""``townlet export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.options import TelemetryLog, TrainedPolicy
from townlet.cli.places import file_option, folder_option, require_apart

export = typer.Typer(name="export")

TrainingFolder = Annotated[
    Path | None,
    typer.Option(
        "--training",
        metavar="FOLDER",
        show_default=False,
        help="Folder of the training, with its policy; by default the log's folder.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(export)


@export.callback()
def _export() -> None:
    """Export a training log or a policy to other tools."""


@export.command()
def tensorboard(
    log: TelemetryLog,
    output: Annotated[Path, folder_option(help="New folder for the event file.")],
    training: TrainingFolder = None,
) -> None:
    """Export a log to TensorBoard: its curves, and the training's parameters and tags.

    Needs `pip install 'townlet[tensorboard]'`.
    """
    from townlet.tracking.export import export_tensorboard

    curves = export_tensorboard(log, output, training)
    typer.echo(f"{curves} curves written; view them with: tensorboard --logdir {output}")


@export.command()
def mlflow(
    log: TelemetryLog,
    tracking_uri: Annotated[
        str,
        typer.Option(
            envvar="MLFLOW_TRACKING_URI", help="MLflow server or database: http://..., sqlite:///mlflow.db, ..."
        ),
    ],
    experiment: Annotated[str, typer.Option(help="Name of the experiment, which is created if needed.")] = "townlet",
    run_name: Annotated[
        str | None, typer.Option(show_default=False, help="Name of the run; by default the name of the log's folder.")
    ] = None,
    training: TrainingFolder = None,
    register: Annotated[
        str | None, typer.Option("--register", metavar="NAME", help="Register the policy in MLflow's registry.")
    ] = None,
    alias: Annotated[
        str | None, typer.Option(metavar="NAME", help="Alias of the registered version, such as champion.")
    ] = None,
) -> None:
    """Export a log to MLflow: its curves, and the training's parameters, tags and files.

    Exporting again adds new points. Needs `pip install 'townlet[mlflow]'`.
    """
    from townlet.tracking.export import export_mlflow

    done = export_mlflow(log, tracking_uri, experiment, run_name, training, register, alias)
    typer.echo(f"{done.curves} curves, {done.added} points added; run {done.run_name} of experiment {experiment}")
    if done.registered is not None:
        typer.echo(f"version {done.registered.version} of {done.registered.name}: {done.registered.address}")


@export.command()
def onnx(
    policy: TrainedPolicy,
    output: Annotated[Path, file_option(help="ONNX file to write.")],
) -> None:
    """Export a policy as an ONNX file, and compare its results with the policy's.

    Needs `pip install 'townlet[onnx]'`.
    """
    from townlet.behavior.onnx_file import export_onnx
    from townlet.behavior.policy_file import card_file
    from townlet.files.artefact_names import WEIGHTS_NAME

    card = Path(str(card_file(policy)))
    require_apart(output, card, card.parent / WEIGHTS_NAME)
    done = export_onnx(policy, output)
    gap = done.difference
    typer.echo(
        f"{output}: {done.features} features, {done.actions} actions, {done.size:,} bytes, sha256 {done.sha256}\n"
        f"onnxruntime and the policy agree on {gap.rows:,} random observations: log-probabilities differ by at most "
        f"{gap.log_probs:.1e}, values by {gap.values:.1e} ({gap.share:.1e} of the largest)"
    )
