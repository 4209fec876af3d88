"""``townlet bench``."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

bench = typer.Typer(name="bench", help="Measure speed on this machine.", no_args_is_help=True)


class ObservationMode(StrEnum):
    """What people see."""

    COMPACT = "compact"
    HYBRID = "hybrid"
    FULL = "full"


class ActionProtocol(StrEnum):
    """Where random actions come from."""

    DRAWN = "drawn"
    LEGAL = "legal"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(bench)


@bench.callback()
def _bench() -> None:
    """Measure speed on this machine."""


@bench.command()
def world(
    scenario: Annotated[
        list[str] | None, typer.Option(help="Name or file; may be repeated. Without: the standard cases.")
    ] = None,
    worlds: Annotated[list[int] | None, typer.Option(min=1, help="Batch size; may be repeated.")] = None,
    observations: Annotated[
        ObservationMode | None, typer.Option(help="Instead of each standard case's, or the scenario's.")
    ] = None,
    actions: Annotated[
        ActionProtocol,
        typer.Option(help="drawn: beforehand, from all actions; legal: during each tick, from the legal ones."),
    ] = ActionProtocol.DRAWN,
    repeats: Annotated[int, typer.Option(min=1, help="Timed repeats; the median counts.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.01, help="Length of a repeat.")] = 1.0,
    reference: Annotated[
        bool, typer.Option(help="Also measure the rules uncompiled, and PufferLib's environments.")
    ] = True,
    pufferlib: Annotated[
        str | None, typer.Option(metavar="PYTHON", help="Interpreter that has PufferLib, if not this one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per case.")] = False,
) -> None:
    """Agent-steps per second of the town on one core under random actions, beside references in the same run."""
    from townlet.bench.cases import choose_cases
    from townlet.bench.world import bench_world
    from townlet.cli.console import compiling_notice, progress_bar

    mode = observations.value if observations else None
    cases = choose_cases(scenario or [], worlds or [], mode, actions.value)
    with progress_bar("bench", "measurements") as advance:
        compiling_notice()
        measured = bench_world(
            cases, seconds=seconds, repeats=repeats, references=reference, pufferlib=pufferlib, progress=advance
        )
    if as_json:
        for result in measured.results:
            typer.echo(json.dumps(result))
    else:
        from rich.console import Console

        from townlet.bench.report import print_report

        print_report(measured, Console())
    for note in measured.notes:
        typer.echo(f"not measured: {note}", err=True)
