"""``townlet bench``."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from townlet.cli.console import finite

if TYPE_CHECKING:
    from townlet.cli.console import Advance

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
    seconds: Annotated[float, typer.Option(min=0.01, callback=finite, help="Length of a repeat.")] = 1.0,
    rounds: Annotated[
        int, typer.Option(min=1, help="Times that the best batch size of each kind is measured, in turn.")
    ] = 3,
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
    from townlet.cli.console import progress_bar

    mode = observations.value if observations else None
    cases = choose_cases(scenario or [], worlds or [], mode, actions.value)
    with progress_bar("bench", "measurements") as advance:
        measured = bench_world(
            cases,
            seconds=seconds,
            repeats=repeats,
            rounds=rounds,
            references=reference,
            pufferlib=pufferlib,
            progress=_with_notice(advance),
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


def _with_notice(advance: Advance) -> Callable[[int, int, str], None]:
    """``advance``, and a word before the first measurement if that has to compile the rules."""
    from townlet.cli.console import compiling_notice

    def show(done: int, total: int, note: str) -> None:
        if done == 0:
            compiling_notice(elsewhere=True)
        advance(done, total, note)

    return show


class Activation(StrEnum):
    """Non-linearity of the network."""

    TANH = "tanh"
    RELU = "relu"


@bench.command()
def train(
    scenario: Annotated[str, typer.Option(help="Name or file.")] = "town_day",
    observations: Annotated[ObservationMode, typer.Option(help="Instead of the scenario's.")] = ObservationMode.COMPACT,
    activation: Annotated[
        list[Activation] | None, typer.Option(help="Of the network; may be repeated. Without: relu and tanh.")
    ] = None,
    epochs: Annotated[
        list[int] | None, typer.Option(min=1, help="Passes over each rollout; may be repeated. Without: 1 and 4.")
    ] = None,
    worlds: Annotated[int, typer.Option(min=1, help="Worlds simulated side by side.")] = 256,
    ticks: Annotated[int, typer.Option(min=1, help="Ticks of a rollout.")] = 128,
    minibatch: Annotated[int, typer.Option(min=1, help="Agent-steps per optimizer step.")] = 8192,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores to use. Without: all.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Timed rollouts with their updates; the median counts.")] = 5,
    reference: Annotated[bool, typer.Option(help="Also measure Stable-Baselines3's PPO in the same town.")] = True,
    pufferlib: Annotated[
        str | None, typer.Option(metavar="PYTHON", help="Also measure PufferLib's trainer; interpreter that has it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per case.")] = False,
) -> None:
    """Agent-steps per second simulated and learnt from by the trainer, beside other trainers in the same run."""
    from townlet.bench.protocol import available_cores
    from townlet.bench.train import Amounts, bench_training
    from townlet.cli.console import progress_bar
    from townlet.config.find import find_scenario

    amounts = Amounts(worlds, ticks, minibatch, threads or available_cores(), repeats)
    with progress_bar("bench", "measurements") as advance:
        measured = bench_training(
            find_scenario(scenario).absolute(),
            observations=observations.value,
            activations=[kind.value for kind in activation or (Activation.RELU, Activation.TANH)],
            epochs=epochs or [1, 4],
            amounts=amounts,
            references=reference,
            pufferlib=pufferlib,
            progress=_with_notice(advance),
        )
    if as_json:
        for result in measured.results:
            typer.echo(json.dumps(result))
    else:
        from rich.console import Console

        from townlet.bench.report import print_training_report

        print_training_report(measured, Console())
    for note in measured.notes:
        typer.echo(f"not measured: {note}", err=True)


@bench.command()
def pipeline(
    scenario: Annotated[str, typer.Option(help="Name of a scenario of the project.")] = "observation_baseline",
    repeats: Annotated[int, typer.Option(min=1, help="Timed repeats; the median counts.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Seconds that a scenario's whole column takes through Dagster, beyond the same work by these commands."""
    from townlet.bench.pipeline import bench_pipeline
    from townlet.cli.console import compiling_notice
    from townlet.config.find import find_scenario

    find_scenario(scenario)
    compiling_notice(elsewhere=True)
    measured = bench_pipeline(scenario, repeats=repeats)
    if as_json:
        typer.echo(json.dumps(measured))
    else:
        from rich.console import Console

        from townlet.bench.report import print_pipeline_report

        print_pipeline_report(measured, Console())
