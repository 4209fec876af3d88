"""``townlet sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet.cli.options import ScenarioFile
from townlet.cli.places import folder_option
from townlet.cli.settings import SettingsOption

if TYPE_CHECKING:
    from townlet.sweep.results import SweepResult


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(sweep)


_Space = Annotated[Path, typer.Argument(metavar="SPACE.yaml", help="Settings and the values that each may take.")]
_Trials = Annotated[int, typer.Option(help="Trials in all; pruned and failed ones count.")]
_SeedsPerTrial = Annotated[int, typer.Option(help="Trainings of a trial, each with a seed of its own.")]
_Metric = Annotated[str, typer.Option(help="Score: a metric of evaluations in unseen worlds.")]
_Sampler = Annotated[str, typer.Option(help="What draws settings: tpe, random or grid.")]
_Pruner = Annotated[
    str | None,
    typer.Option(
        help="What stops bad trials early: median, hyperband or none. By default median, or none for a metric that "
        "the log of a training lacks."
    ),
]
_Jobs = Annotated[int, typer.Option(help="Trainings at a time.")]
_Seed = Annotated[int, typer.Option(help="Seed of the search, and the first seed of the trainings.")]
_Cycles = Annotated[int | None, typer.Option(help="Rollouts of each training; by default the scenario's.")]
_Worlds = Annotated[int, typer.Option(help="Unseen worlds in which each policy is scored.")]
_Confirm = Annotated[
    int, typer.Option(help="Fresh seeds with which the best settings and the scenario's own are compared; 0: none.")
]
_Output = Annotated[
    Path | None, folder_option(help="Folder of the sweep; by default runs/SCENARIO-sweep. There it goes on.")
]


def sweep(
    scenario: ScenarioFile,
    space: _Space,
    trials: _Trials = 32,
    seeds_per_trial: _SeedsPerTrial = 2,
    metric: _Metric = "reward_mean",
    sampler: _Sampler = "tpe",
    pruner: _Pruner = None,
    jobs: _Jobs = 1,
    seed: _Seed = 0,
    cycles: _Cycles = None,
    settings: SettingsOption = None,
    worlds: _Worlds = 64,
    confirm: _Confirm = 10,
    output: _Output = None,
) -> None:
    """Search a space of settings for better ones by many trainings, and confirm the best with fresh seeds.

    Every trial trains in a folder of its own. The same command goes on where it was stopped, also after a kill; with
    more --trials, it goes further.
    """
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.config import load_scenario

    loaded = load_scenario(scenario)
    from townlet.sweep.options import SweepOptions
    from townlet.sweep.run import SweepInterrupted
    from townlet.sweep.run import sweep as run_sweep

    options = SweepOptions(
        output=output or Path("runs") / f"{loaded.name}-sweep",
        trials=trials,
        seeds_per_trial=seeds_per_trial,
        metric=metric,
        sampler=sampler,  # type: ignore[arg-type]
        pruner=pruner,  # type: ignore[arg-type]
        jobs=jobs,
        seed=seed,
        worlds=worlds,
        confirm=confirm,
    )
    options.require_usable()
    with progress_bar(f"sweep {loaded.name}", "trainings") as advance:
        compiling_notice(elsewhere=True)
        try:
            result = run_sweep(
                loaded, space, options, settings=settings or (), cycles=cycles, file=str(scenario), progress=advance
            )
        except SweepInterrupted as interruption:
            typer.echo(interruption, err=True)
            raise
    _print(result)


def _print(result: SweepResult) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from townlet.sweep.report import best_rows, headline, improvement_words, next_step

    metric, folder = result.options.measured, result.folder
    counts = ", ".join(f"{result.count(state)} {word}" for state, word in _STATES if result.count(state))
    table = Table("trial", metric.label, "settings", box=box.SIMPLE_HEAD, title_justify="left")
    table.columns[1].justify = "right"
    for row in best_rows(result):
        table.add_row(*(Text(cell) for cell in row))
    console = Console(width=80, highlight=False, markup=False, soft_wrap=False)
    console.print(f"{len(result.records)} trials: {counts}; the best, by {metric.label}, {metric.unit}")
    console.print(table)
    console.print(headline(result))
    if result.confirmation is not None:
        console.print(improvement_words(result))
    typer.echo(f"next: {next_step(result)}")
    typer.echo(f"{folder}/sweep.md  and sweep.json, sweep.png, best.yaml, experiment.yaml")


_STATES = (("complete", "finished"), ("pruned", "pruned"), ("failed", "failed"))
