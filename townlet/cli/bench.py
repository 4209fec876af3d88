"""``townlet bench``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

bench = typer.Typer(name="bench", help="Measure speed on this machine.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(bench)


@bench.callback()
def _bench() -> None:
    """Measure speed on this machine."""


@bench.command()
def world(
    worlds: Annotated[list[int] | None, typer.Option(min=1, help="Batch size; may be repeated.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Timed repeats; the median counts.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.01, help="Length of a repeat.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per case.")] = False,
) -> None:
    """Agent-steps per second of the town on one core: 8 people, random legal actions, observations included."""
    from townlet.bench.world import bench_world
    from townlet.cli.console import compiling_notice

    compiling_notice()
    for result in bench_world(worlds or [1, 16, 64, 256], repeats, seconds):
        if as_json:
            typer.echo(json.dumps(result))
        else:
            low, high = result["spread"]
            typer.echo(
                f"{result['case']:<34} {result['agent_steps_per_second']:>11,} agent-steps/s "
                f"({low:,} to {high:,}), {result['ratio_to_uncompiled']:,.1f} × uncompiled, "
                f"{result['bytes_per_world']:,} bytes per world"
            )
