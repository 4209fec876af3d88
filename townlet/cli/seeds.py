"""Training with several seeds, for ``townlet train --seeds``."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet.cli.tracking import Tracking

if TYPE_CHECKING:
    from townlet.config import Scenario
    from townlet.study.several_seeds.plan import SeedsPlan
    from townlet.study.several_seeds.run import SeedsStudy
    from townlet.training import TrainingOptions

SeedsOption = Annotated[
    int | None,
    typer.Option(
        "--seeds",
        metavar="N",
        help="Train with so many seeds: --seed, the next one, and so on, each in a folder of its own; score all "
        "policies in the same unseen worlds; write seeds.json, seeds.md and seeds.png.",
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(metavar="N", help="With --seeds: trainings side by side; by default one per core. No result changes."),
]
UnseenWorldsOption = Annotated[
    int | None,
    typer.Option(metavar="N", help="With --seeds: unseen worlds in which each policy is scored; by default 16."),
]


def trained_with_seeds(
    town: Scenario | None, options: TrainingOptions, seeds: int | None, tracking: Tracking, **with_seeds: int | None
) -> bool:
    """Train with several seeds if there is ``--seeds``, and print the table; otherwise do nothing and return False.

    ``tracking`` are the values of --track, --track-to and --track-experiment; ``with_seeds`` are ``jobs`` and
    ``unseen_worlds``. Raises InputError for one of these without ``--seeds``, and for ``--seeds`` in an environment
    that is not a town.
    """
    from townlet.cli.brought import say_what_it_brought

    if seeds is None:
        require_absent("none without --seeds", **with_seeds)
        return False
    if town is None:
        require_absent("none with --env", seeds=seeds)
        return False
    _train(town, options, seeds, tracking, **with_seeds)
    say_what_it_brought(None if options.from_policy is None else Path(str(options.from_policy)), town)
    return True


def require_absent(expected: str, **options: object) -> None:
    """Raise InputError for an option that was given and has no meaning here."""
    from townlet.errors import InputError

    for name, value in options.items():
        if value is not None:
            raise InputError.of("options", f"--{name.replace('_', '-')}", str(value), expected)


def _train(
    town: Scenario,
    options: TrainingOptions,
    seeds: int,
    tracking: Tracking,
    *,
    jobs: int | None,
    unseen_worlds: int | None,
) -> None:
    """Train, with one bar for all seeds."""
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.evaluation import WORLDS
    from townlet.study.several_seeds import SeedsInterrupted, SeedsPlan, default_jobs, train_seeds
    from townlet.tracking import destinations

    worlds = WORLDS if unseen_worlds is None else unseen_worlds
    plan = SeedsPlan.of(town, options, seeds=seeds, worlds=worlds)
    plan = replace(plan, track=tuple(destinations(tracking[0] or (), plan.folder, *tracking[1:])))
    side_by_side = default_jobs(seeds) if jobs is None else jobs
    with progress_bar(f"train {town.name}", "epochs") as advance:
        compiling_notice(elsewhere=side_by_side > 1)
        try:
            study = train_seeds(plan, jobs=side_by_side, progress=advance)
        except SeedsInterrupted as interruption:
            typer.echo(interruption, err=True)
            raise
    _print(plan, study)


def _print(plan: SeedsPlan, study: SeedsStudy) -> None:
    from townlet.study.several_seeds.report import results_text
    from townlet.study.several_seeds.results import PAGE_NAME, PLOT_NAME, SEEDS_NAME

    typer.echo("\n".join(wrapped(line) for line in results_text(study.results).splitlines()))
    before = sum(outcome.already_done for outcome in study.outcomes)
    if before:
        typer.echo(f"{before} of {len(study.outcomes)} seeds were trained already; their files are unchanged")
    seconds = sum(outcome.seconds for outcome in study.outcomes)
    typer.echo(
        f"{seconds:.1f} s of work, over all seeds; {PAGE_NAME} and {PLOT_NAME} lie beside\n{plan.folder / SEEDS_NAME}"
    )


def wrapped(line: str) -> str:
    """A line as lines of at most 80 characters; those after the first are indented."""
    return textwrap.fill(line, 80, subsequent_indent="  ") if len(line) > 80 else line
