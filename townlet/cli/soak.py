"""``townlet soak``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townlet.cli.brought import say_what_it_brought
from townlet.cli.options import ScenarioFile
from townlet.cli.places import folder_option
from townlet.cli.settings import SettingsOption

if TYPE_CHECKING:
    from townlet.soak.options import SoakOptions
    from townlet.soak.progress import SoakProgress
    from townlet.soak.run import SoakResult


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(soak)


_Baseline = Annotated[
    Path | None,
    typer.Option(metavar="BASELINE.json", help="File of the baseline; by default the promoted one."),
]
_Cycles = Annotated[int | None, typer.Option(help="Number of cycles; 100 if --hours is not given either.")]
_Hours = Annotated[
    float | None, typer.Option(help="Hours of work after which no new cycle starts, summed over resumed runs.")
]
_Learning = Annotated[bool, typer.Option("--learning/--frozen", help="Whether the network learns.")]
_Seed = Annotated[int, typer.Option(help="Seed from which the seeds of all cycles derive; give every night its own.")]
_Policy = Annotated[
    Path | None,
    typer.Option(
        metavar="POLICY",
        help="Policy to start from: its folder or policy.json, or the name of a shipped one; by default a fresh "
        "network.",
    ),
]
_Behavior = Annotated[
    str | None,
    typer.Option(
        metavar="BEHAVIOR",
        help="Who acts in the baseline's rollouts, if the baseline was made with a behaviour from outside Townlet: the "
        "same package.module:factory, FILE.py:factory or FILE.onnx. Its code is run.",
    ),
]
_Capture = Annotated[
    Path | None,
    typer.Option(
        metavar="MANIFEST",
        help="Manifest of the capture to replay; by default the one in artifacts/phase4/SCENARIO, else a new one.",
    ),
]
_Night = Annotated[str | None, typer.Option(help="Name of the night, for the report.")]
_RestartEvery = Annotated[
    int | None, typer.Option(help="Continue in a fresh process after every N cycles; the bytes stay the same.")
]
_Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue from the checkpoint in the output folder, or start if there is none. The result has the same "
        "bytes as an uninterrupted soak. All other options must stay the same, but --cycles and --hours may grow.",
    ),
]
_Output = Annotated[
    Path | None, folder_option(help="Folder of the soak; by default runs/soak/SCENARIO-learning or SCENARIO-frozen.")
]


def soak(
    scenario: ScenarioFile,
    baseline: _Baseline = None,
    cycles: _Cycles = None,
    hours: _Hours = None,
    learning: _Learning = True,
    seed: _Seed = 0,
    policy: _Policy = None,
    behavior: _Behavior = None,
    capture: _Capture = None,
    night: _Night = None,
    settings: SettingsOption = None,
    restart_every: _RestartEvery = None,
    resume: _Resume = False,
    output: _Output = None,
) -> None:
    """Train one network for many cycles and record each.

    A cycle has a rollout of the baseline's behaviour, a replay phase and a rollout phase. townlet drift then compares
    the soak with the baseline.
    """
    from townlet.config import load_scenario
    from townlet.config.settings_use import scenario_for
    from townlet.soak.options import SoakOptions

    loaded = scenario_for("soak", load_scenario(scenario), settings or ())
    name = loaded.name
    options = SoakOptions(
        scenario=scenario,
        output=output or Path("runs") / "soak" / f"{name}-{'learning' if learning else 'frozen'}",
        baseline=baseline,
        cycles=100 if cycles is None and hours is None else cycles,
        hours=hours,
        learning=learning,
        seed=seed,
        policy=policy,
        behavior=behavior,
        capture=capture,
        night=night,
        settings=tuple(settings or ()),
    )
    result = _run(name, options, restart_every, resume)
    say_what_it_brought(policy, loaded)
    _print_result(result, name)


def _run(name: str, options: SoakOptions, restart_every: int | None, resume: bool) -> SoakResult:
    """Run a soak with a progress bar. Prints how to resume if interrupted."""
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.training import TrainingInterrupted

    try:
        with progress_bar(f"soak {name}", "cycles") as advance:
            compiling_notice(elsewhere=restart_every is not None)
            if restart_every is None:
                return _run_here(options, resume, advance)
            return _run_in_processes(options, restart_every, resume, advance)
    except TrainingInterrupted as interruption:
        typer.echo(interruption, err=True)
        raise


def _run_here(options: SoakOptions, resume: bool, advance: Any) -> SoakResult:
    from townlet.soak.run import run_soak

    def show(standing: SoakProgress) -> None:
        advance(standing.done, standing.planned, _farthest(standing))

    return run_soak(options, resume=resume, progress=show)


def _run_in_processes(options: SoakOptions, restart_every: int, resume: bool, advance: Any) -> SoakResult:
    from townlet.soak.endurance import endure

    def show(result: SoakResult) -> None:
        advance(result.cycles, options.cycles, f"process {result.process}  {_farthest(result.standing)}")

    return endure(options, restart_every=restart_every, resume=resume, progress=show)


def _farthest(standing: SoakProgress | None) -> str:
    return f"farthest: {standing.farthest}" if standing and standing.farthest else ""


def _print_result(result: SoakResult, name: str) -> None:
    if result.already_done:
        typer.echo(f"nothing left to do: the soak in {result.folder} is finished already; no file was changed")
    elif result.process > 1:
        typer.echo(f"process {result.process} resumed after cycle {result.resumed_cycle}")
    alerts = f"{result.alerts:,} alerts" if result.alerts else "no alerts"
    cycles = f"{result.cycles} cycle{'s' * (result.cycles != 1)}"
    typer.echo(f"soaked {name} for {cycles}: {alerts} by the scenario's thresholds\n{result.folder}")
