"""``townlet pipeline``, which hands over to the commands of ``townlet_pipeline``, a package of its own."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Annotated, NoReturn

import typer

from townlet.errors import InputError

pipeline = typer.Typer(name="pipeline", no_args_is_help=True)

#: Whatever follows is read by the command that takes over, ``--help`` too.
_AS_IT_IS = {"ignore_unknown_options": True, "help_option_names": []}
_Arguments = Annotated[
    list[str] | None, typer.Argument(metavar="[ARGUMENTS]…", help="What the command takes; --help lists it.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(pipeline)


@pipeline.callback()
def _pipeline() -> None:
    """Run the pipeline in Dagster, in the current folder as its project."""


@pipeline.command(context_settings=_AS_IT_IS)
def run(arguments: _Arguments = None) -> None:
    """Make all assets of a scenario, by default of queue_conflict, and print where the report is."""
    _hand_over("townlet_pipeline.run", arguments)


@pipeline.command(context_settings=_AS_IT_IS)
def ui(arguments: _Arguments = None) -> None:
    """Start Dagster's UI, and the daemon behind schedules and sensors."""
    _hand_over("townlet_pipeline.ui", arguments)


def _hand_over(module: str, arguments: list[str] | None) -> NoReturn:
    """Replace this process by a module's. Raises InputError without Dagster."""
    missing = [name for name in ("dagster", "dagster_webserver") if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError.of("pipeline", "", f"no package {missing[0]}", "Dagster: pip install 'townlet[pipeline]'")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *(arguments or [])])
