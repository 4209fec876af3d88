"""``townlet study``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.options import ResultsFolder, ScenarioFile, Seeds
from townlet.cli.places import folder_option

study = typer.Typer(name="study")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(study)


@study.callback()
def _study() -> None:
    """Answer a question with several seeds and write a report."""


@study.command()
def learning(
    scenario: ScenarioFile,
    seeds: Seeds = 5,
    cycles: Annotated[int | None, typer.Option(min=4, help="Rollouts per seed; by default the scenario's.")] = None,
    output: ResultsFolder = Path("docs/results"),
) -> None:
    """Does a fresh policy learn from its own rollouts?

    Takes minutes per seed.
    """
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.study.learning import study_learning, write_learning_report

    with progress_bar("study learning", "rollouts") as advance:
        compiling_notice()
        result = study_learning(scenario, list(range(seeds)), cycles, advance)
    options = f"--seeds {seeds}" + (f" --cycles {cycles}" if cycles else "")
    typer.echo(write_learning_report(result, output, f"townlet study learning {scenario} {options}"))


@study.command()
def script(
    scenarios: Annotated[list[Path], typer.Argument(metavar="SCENARIO.yaml…", help="Scenario files.")],
    seeds: Seeds = 5,
    gamma: Annotated[
        list[float] | None,
        typer.Option(min=0.0, max=1.0, help="Also train with this discount, for comparison; may be repeated."),
    ] = None,
    output: ResultsFolder = Path("docs/results"),
) -> None:
    """Do policies that are trained as scenarios say cause less conflict than their scripts?

    Takes about 10 seconds per training.
    """
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.study.circumstances import here_and_now
    from townlet.study.script import study_script, write_script_report

    gammas = list(dict.fromkeys(gamma or ()))
    with progress_bar("study script", "trainings") as advance:
        compiling_notice()
        found = study_script(scenarios, seeds, gammas, advance)
    options = f"--seeds {seeds}" + "".join(f" --gamma {value:g}" for value in gammas)
    command = f"townlet study script {' '.join(map(str, scenarios))} {options}"
    typer.echo(write_script_report(found, output, command, here_and_now()))


@study.command()
def survival(
    scenario: ScenarioFile,
    seeds: Annotated[
        int, typer.Option(min=1, max=100_000, help="Number of seeds: 0, 1, 2, …, with one town each.")
    ] = 100,
    days: Annotated[int, typer.Option(min=1, max=1000, help="Days in each town.")] = 10,
    behavior: Annotated[
        list[str] | None, typer.Option(help="Who acts: heuristic or random; may be repeated. By default both.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the figures as JSON instead of writing a report.")
    ] = False,
    output: ResultsFolder = Path("docs/results"),
) -> None:
    """Does a behaviour keep everybody alive?

    Takes about a minute for 100 seeds of 10 days.
    """
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.files.storage import pretty_json
    from townlet.study.circumstances import here_and_now
    from townlet.study.survival import study_survival, write_survival_report

    chosen = tuple(dict.fromkeys(behavior or ("heuristic", "random")))
    with progress_bar("study survival", "seeds") as advance:
        compiling_notice()
        result = study_survival(scenario, seeds=seeds, days=days, behaviors=chosen, progress=advance)
    if json:
        typer.echo(pretty_json(result.as_json()))
        return
    options = f"--seeds {seeds} --days {days}" + "".join(f" --behavior {name}" for name in behavior or ())
    command = f"townlet study survival {scenario} {options}"
    typer.echo(write_survival_report(result, output, command, here_and_now()))


@study.command()
def conflict(
    quick: Annotated[
        bool, typer.Option("--quick", help="Run a version of about ten minutes, with fewer seeds and steps.")
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(min=2, max=4000, help="Number of seeds; by default that of the full or quick version.")
    ] = None,
    cycles: Annotated[
        int | None, typer.Option(min=1, help="Rollouts per training; by default that of the version.")
    ] = None,
    curve_seeds: Annotated[
        int | None,
        typer.Option(
            min=1, max=4000, help="Number of seeds for the dose and penalty curves; by default that of the version."
        ),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, max=256, help="Policies trained side by side.")] = 2,
    work: Annotated[
        Path, folder_option(help="Folder for finished work, from which an interrupted study continues.")
    ] = Path("runs/study-conflict"),
    output: ResultsFolder = Path("docs/results"),
) -> None:
    """Does conflict-aware training reduce conflict?

    Takes hours, or about ten minutes with --quick.
    """
    import dataclasses

    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.study.circumstances import here_and_now
    from townlet.study.conflict import FULL, QUICK
    from townlet.study.conflict.plan import study_conflict
    from townlet.study.conflict.report import write_conflict_report

    settings = QUICK if quick else FULL
    if seeds is not None:
        settings = dataclasses.replace(settings, seeds=seeds, curve_seeds=min(seeds, settings.curve_seeds))
    if curve_seeds is not None:
        settings = dataclasses.replace(settings, curve_seeds=min(curve_seeds, settings.seeds))
    if cycles is not None:
        settings = dataclasses.replace(settings, cycles=cycles)
    with progress_bar("study conflict", "units of work") as advance:
        compiling_notice(elsewhere=True)
        findings = study_conflict(settings, work, processes, advance)
    amounts = {"seeds": seeds, "cycles": cycles, "curve-seeds": curve_seeds}
    options = " --quick" * quick + "".join(f" --{name} {value}" for name, value in amounts.items() if value)
    command = f"townlet study conflict{options} --processes {processes}"
    typer.echo(write_conflict_report(findings, output, command, here_and_now()))


@study.command()
def unseen(
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Run a version of a few minutes, in validation towns; test towns remain unseen."),
    ] = False,
    validation: Annotated[
        bool, typer.Option("--validation", help="Ask everything in validation towns; test towns remain unseen.")
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(min=2, max=4000, help="Number of training seeds; by default that of the version.")
    ] = None,
    towns: Annotated[
        int | None, typer.Option(min=1, max=50, help="Number of towns; by default that of the version.")
    ] = None,
    cycles: Annotated[
        int | None, typer.Option(min=1, help="Rollouts per training; by default that of the version.")
    ] = None,
    ship: Annotated[
        bool, typer.Option("--ship", help="Also write the chosen policy into the package's data folder.")
    ] = False,
    processes: Annotated[int, typer.Option(min=1, max=256, help="Policies trained side by side.")] = 2,
    work: Annotated[
        Path, folder_option(help="Folder for finished work, from which an interrupted study continues.")
    ] = Path("runs/study-unseen"),
    output: ResultsFolder = Path("docs/results"),
) -> None:
    """Is a policy good in towns nobody trained in?

    Takes hours, or a few minutes with --quick.
    """
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.errors import InputError
    from townlet.study.circumstances import here_and_now
    from townlet.study.unseen.plan import study_unseen
    from townlet.study.unseen.report import write_unseen_report
    from townlet.study.unseen.settings import settings_for
    from townlet.study.unseen.ship import ship_policy

    if ship and quick:
        raise InputError.of("options", "--ship", "with --quick", "the full version, whose policy is worth shipping")
    settings = settings_for(quick=quick, validation=validation, seeds=seeds, towns=towns, cycles=cycles)
    with progress_bar("study unseen", "units of work") as advance:
        compiling_notice(elsewhere=True)
        findings = study_unseen(settings, work, processes, advance)
    amounts = {"seeds": seeds, "towns": towns, "cycles": cycles}
    options = " --quick" * quick + " --validation" * validation
    options += "".join(f" --{name} {value}" for name, value in amounts.items() if value)
    command = f"townlet study unseen{options} --processes {processes}"
    typer.echo(write_unseen_report(findings, output, command, here_and_now()))
    if ship:
        typer.echo(ship_policy(findings, command))


@study.command()
def references(
    task: Annotated[
        list[str] | None, typer.Option(help="CartPole-v1, Acrobot-v1 or Taxi-v4; may be repeated. By default all.")
    ] = None,
    seeds: Seeds = 5,
    episodes: Annotated[int, typer.Option(min=1, max=1_000_000, help="Evaluation episodes per seed.")] = 100,
    json: Annotated[
        bool, typer.Option("--json", help="Print the figures as JSON instead of writing a report.")
    ] = False,
    output: ResultsFolder = Path("docs/results"),
) -> None:
    """Does the trainer reach published scores of Gymnasium's tasks?

    Takes about half a minute per task and seed.
    """
    from townlet.cli.console import progress_bar
    from townlet.errors import InputError, nearest_name
    from townlet.files.storage import pretty_json
    from townlet.study.circumstances import here_and_now
    from townlet.study.reference_tasks import TASKS, study_references, write_references_report

    chosen = list(dict.fromkeys(task or TASKS))
    for name in chosen:
        if name not in TASKS:
            raise InputError.of("options", "--task", repr(name), nearest_name(name, TASKS))
    with progress_bar("study references", "percent") as advance:
        result = study_references(chosen, seeds=seeds, episodes=episodes, progress=advance)
    if json:
        typer.echo(pretty_json(result.as_json()))
        return
    options = f"--seeds {seeds} --episodes {episodes}" + "".join(f" --task {name}" for name in task or ())
    typer.echo(write_references_report(result, output, f"townlet study references {options}", here_and_now()))


@study.command()
def drift(
    quick: Annotated[
        bool, typer.Option("--quick", help="Run a version of about a minute, with two scenarios and few soaks.")
    ] = False,
    soaks: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="Unchanged soaks of each length; by default that of the version."),
    ] = None,
    planted_nights: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="Nights of each planted change; by default that of the version."),
    ] = None,
    work: Annotated[
        Path, folder_option(help="Folder for finished rollouts and soaks, from which an interrupted study continues.")
    ] = Path("runs/study-drift"),
    output: ResultsFolder = Path("docs/results"),
) -> None:
    """How often is the drift detector right?

    Measures how often it raises false alarms and how often it finds a change. Takes about 25 minutes.
    """
    import dataclasses

    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.study.circumstances import here_and_now
    from townlet.study.drift import FULL, QUICK
    from townlet.study.drift.plan import study_drift
    from townlet.study.drift.report import write_drift_report

    settings = QUICK if quick else FULL
    if soaks is not None:
        settings = dataclasses.replace(settings, soaks=soaks)
    if planted_nights is not None:
        settings = dataclasses.replace(settings, planted_nights=planted_nights)
    with progress_bar("study drift", "done") as advance:
        compiling_notice()
        findings = study_drift(settings, work, advance)
    options = " --quick" * quick + (f" --soaks {soaks}" if soaks else "")
    options += f" --planted-nights {planted_nights}" if planted_nights else ""
    typer.echo(write_drift_report(findings, output, f"townlet study drift{options}", here_and_now()))
