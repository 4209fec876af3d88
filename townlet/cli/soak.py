"""``townlet soak``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townlet.cli.places import folder_option

if TYPE_CHECKING:
    from townlet.soak.run import SoakResult


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(soak)


def soak(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.yaml", help="Scenario file.")],
    baseline: Annotated[
        Path | None, typer.Option(help="File of the baseline; by default the promoted one in baselines/SCENARIO.")
    ] = None,
    cycles: Annotated[int | None, typer.Option(help="Cycles; 100 without --hours.")] = None,
    hours: Annotated[
        float | None, typer.Option(help="Hours of work after which no cycle begins; resumed ones count together.")
    ] = None,
    learning: Annotated[bool, typer.Option("--learning/--frozen", help="Whether the network learns.")] = True,
    seed: Annotated[
        int, typer.Option(help="From this come the seeds of all cycles; every night should have its own.")
    ] = 0,
    policy: Annotated[Path | None, typer.Option(help="policy.json to begin with; by default a fresh network.")] = None,
    capture: Annotated[
        Path | None,
        typer.Option(help="Manifest of the capture that is replayed; by default the one in artifacts/phase4/SCENARIO."),
    ] = None,
    night: Annotated[str | None, typer.Option(help="Name of the night, for the report.")] = None,
    restart_every: Annotated[
        int | None, typer.Option(help="Go on in a fresh process after so many cycles, to the same bytes.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on from the checkpoint in the folder, to the same bytes as without interruption; begins where "
            "there is none. All options must stay, but for more cycles or hours.",
        ),
    ] = False,
    output: Annotated[
        Path | None, folder_option(help="Folder of the soak; by default runs/soak/SCENARIO-learning or -frozen.")
    ] = None,
) -> None:
    """Replay and roll out in turn on one network, cycle after cycle, beside the baseline's behaviour."""
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.config import load_scenario
    from townlet.soak.options import SoakOptions
    from townlet.training import TrainingInterrupted

    name = load_scenario(scenario).name
    options = SoakOptions(
        scenario=scenario,
        output=output or Path("runs") / "soak" / f"{name}-{'learning' if learning else 'frozen'}",
        baseline=baseline,
        cycles=100 if cycles is None and hours is None else cycles,
        hours=hours,
        learning=learning,
        seed=seed,
        policy=policy,
        capture=capture,
        night=night,
    )
    try:
        with progress_bar(f"soak {name}", "cycles") as advance:
            compiling_notice(elsewhere=restart_every is not None)
            result = _run(options, restart_every, resume, advance)
    except TrainingInterrupted as stop:
        typer.echo(stop, err=True)
        raise
    if result.already_done:
        typer.echo(f"nothing left to do: the soak in {result.folder} is finished, and everything stays as it is")
    elif result.process > 1:
        typer.echo(f"process {result.process} went on after cycle {result.resumed_cycle}")
    alerts = "no alerts" if not result.alerts else f"{result.alerts:,} alerts"
    typer.echo(f"soaked {name} for {result.cycles} cycles: {alerts} by the scenario's thresholds\n{result.folder}")


def _run(options: Any, restart_every: int | None, resume: bool, advance: Any) -> SoakResult:
    if restart_every is None:
        from townlet.soak.run import run_soak

        def show(done: int, planned: int | None, row: dict[str, Any]) -> None:
            advance(done, planned, f"reward {row['reward_mean']:.3f}")

        return run_soak(options, resume=resume, progress=show)

    from townlet.soak.endurance import endure

    def show_process(result: SoakResult) -> None:
        advance(result.cycles, options.cycles, f"process {result.process}")

    return endure(options, restart_every=restart_every, resume=resume, progress=show_process)
