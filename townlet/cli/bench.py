"""``townlet bench``."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from townlet.cli.console import finite

if TYPE_CHECKING:
    from rich.console import Console

    from townlet.bench.results import Measurements
    from townlet.cli.console import Advance

bench = typer.Typer(name="bench", no_args_is_help=True)


class ObservationMode(StrEnum):
    """Observation modes."""

    COMPACT = "compact"
    HYBRID = "hybrid"
    FULL = "full"


class ActionProtocol(StrEnum):
    """Ways to draw random actions."""

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
        list[str] | None, typer.Option(help="Scenario, name or file; may be repeated. By default the standard cases.")
    ] = None,
    worlds: Annotated[list[int] | None, typer.Option(min=1, help="Batch size; may be repeated.")] = None,
    observations: Annotated[
        ObservationMode | None, typer.Option(help="Observation mode; by default the case's or the scenario's.")
    ] = None,
    actions: Annotated[
        ActionProtocol,
        typer.Option(help="Random actions: drawn from all actions beforehand, or legal ones drawn in every tick."),
    ] = ActionProtocol.DRAWN,
    repeats: Annotated[int, typer.Option(min=1, help="Timed repeats; the median counts.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.01, callback=finite, help="Length of a repeat, seconds.")] = 1.0,
    rounds: Annotated[
        int, typer.Option(min=1, help="Rounds in which the best batch sizes of all cases are measured again, in turn.")
    ] = 3,
    reference: Annotated[
        bool, typer.Option(help="Also measure the uncompiled rules and PufferLib's environments.")
    ] = True,
    pufferlib: Annotated[
        str | None, typer.Option(metavar="PYTHON", help="Python interpreter that has PufferLib; by default this one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per case.")] = False,
) -> None:
    """Measure agent-steps per second of the town.

    The town runs on one core under random actions; reference environments are measured in the same way.
    """
    from townlet.bench.cases import choose_cases
    from townlet.bench.report import print_report
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
    _show(measured, as_json, print_report)


def _show(measured: Measurements, as_json: bool, print_tables: Callable[[Measurements, Console], None]) -> None:
    """Print one JSON object per case, or tables; then what was not measured."""
    if as_json:
        for result in measured.results:
            typer.echo(json.dumps(result))
    else:
        from rich.console import Console

        print_tables(measured, Console())
    for note in measured.notes:
        typer.echo(f"not measured: {note}", err=True)


def _with_notice(advance: Advance) -> Callable[[int, int, str], None]:
    """Wrap ``advance``: before the first measurement, print a notice if the rules must be compiled."""
    from townlet.cli.console import compiling_notice

    def show(done: int, total: int, note: str) -> None:
        if done == 0:
            compiling_notice(elsewhere=True)
        advance(done, total, note)

    return show


class Activation(StrEnum):
    """Activation functions of the network."""

    TANH = "tanh"
    RELU = "relu"


@bench.command()
def train(
    scenario: Annotated[str, typer.Option(help="Scenario, name or file.")] = "town_day",
    observations: Annotated[ObservationMode, typer.Option(help="Observation mode.")] = ObservationMode.COMPACT,
    activation: Annotated[
        list[Activation] | None,
        typer.Option(help="Activation function of the network; may be repeated. By default relu and tanh."),
    ] = None,
    epochs: Annotated[
        list[int] | None, typer.Option(min=1, help="Passes over each rollout; may be repeated. By default 1 and 4.")
    ] = None,
    worlds: Annotated[int, typer.Option(min=1, help="Worlds simulated side by side.")] = 256,
    ticks: Annotated[int, typer.Option(min=1, help="Ticks per rollout.")] = 128,
    minibatch: Annotated[int, typer.Option(min=1, help="Agent-steps per optimizer step.")] = 8192,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; by default one per available core.")] = None,
    device: Annotated[
        str, typer.Option(help="Device of the network: cpu, cuda, or auto: cuda if there is one.")
    ] = "cpu",
    repeats: Annotated[
        int, typer.Option(min=1, help="Timed repeats, a rollout and its updates each; the median counts.")
    ] = 5,
    reference: Annotated[bool, typer.Option(help="Also measure Stable-Baselines3's PPO in the same town.")] = True,
    pufferlib: Annotated[
        str | None,
        typer.Option(
            metavar="PYTHON", help="Also measure PufferLib's trainer with this Python interpreter, which has it."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per case.")] = False,
) -> None:
    """Measure agent-steps per second of the trainer.

    Every step is simulated and learnt from. Other trainers are measured in the same run.
    """
    from townlet.bench.report import print_training_report
    from townlet.bench.train import Amounts, bench_training
    from townlet.cli.console import progress_bar
    from townlet.config.find import find_scenario
    from townlet.host.workers import available_cores

    amounts = Amounts(worlds, ticks, minibatch, threads or available_cores(), repeats, device)
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
    _show(measured, as_json, print_training_report)


@bench.command()
def pipeline(
    scenario: Annotated[str, typer.Option(help="Name of a scenario of the project.")] = "observation_baseline",
    repeats: Annotated[int, typer.Option(min=1, help="Timed repeats; the median counts.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure the seconds that Dagster adds to a column.

    A scenario's column, from scenario to report, is compared with the same commands without Dagster.
    """
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
