"""Options ``--track``, ``--track-to`` and ``--track-experiment`` of commands that train."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet.errors import InputError
from townlet.files.storage import as_path

if TYPE_CHECKING:
    from townlet.config import Scenario
    from townlet.tracking import Recorder
    from townlet.training import TrainingOptions

Track = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TOOL", help="Follow the training in tensorboard or mlflow while it runs. May be given for both."
    ),
]
TrackTo = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        help="Folder for TensorBoard's files and MLflow's database, or MLflow's tracking URI; by default "
        "$MLFLOW_TRACKING_URI, else the folder that the training's own folder lies in.",
    ),
]
TrackExperiment = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="MLflow's experiment; by default $MLFLOW_EXPERIMENT_NAME, else townlet."),
]


#: Values of the three options.
Tracking = tuple[Sequence[str] | None, str | None, str | None]


@contextmanager
def tracked(
    tracking: Tracking,
    options: TrainingOptions,
    town: Scenario | None,
) -> Iterator[Recorder]:
    """Track a training while the block runs; says at its end where it can be looked at.

    Args:
        tracking: values of the three options.
        options: those of the training.
        town: the scenario; None for an environment.

    Raises InputError for unusable options and destinations.
    """
    from townlet.host.installation import commit
    from townlet.tracking import Recorder, destinations

    tools, place, experiment = tracking
    folder = as_path(options.output)
    if tools and not isinstance(folder, Path):
        raise InputError.of("options", "--track", str(folder), "a local folder for the training")
    known = destinations(tools or (), Path(str(folder)), place, experiment)
    tags = {
        "commit": commit() if known else None,
        "policy": None if options.from_policy is None else str(options.from_policy),
        "scenario_sha256": None if town is None else town.digest,
    }
    given = {name: value for name, value in tags.items() if value is not None}
    recorder = Recorder(known, Path(str(folder)), options.log_path(), tags=given, warn=_warn)
    recorder.start()
    # Meanwhile this process imports what takes it long, too.
    importlib.import_module("townlet.training.run")
    with recorder:
        yield recorder
    for run in recorder.runs:
        typer.echo(f"tracked: {run['link']}")


def _warn(text: str) -> None:
    typer.echo(f"warning: {text}", err=True)
