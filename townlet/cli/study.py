"""``townlet study``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

study = typer.Typer(name="study", help="Answer a question with several seeds, and write the answer up.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(study)


@study.callback()
def _study() -> None:
    """Answer a question with several seeds, and write the answer up."""


@study.command()
def learning(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.yaml", help="Scenario file.")],
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds: 0, 1, 2, …")] = 5,
    cycles: Annotated[int | None, typer.Option(min=4, help="Rollouts instead of the scenario's.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the report, its plot and its data.")] = Path("docs/results"),
) -> None:
    """Does a fresh policy learn the scenario from its own rollouts? Minutes per seed."""
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.study.learning import study_learning, write_learning_report

    with progress_bar("study learning", "rollouts") as advance:
        compiling_notice()
        result = study_learning(scenario, list(range(seeds)), cycles, advance)
    options = f"--seeds {seeds}" + (f" --cycles {cycles}" if cycles else "")
    typer.echo(write_learning_report(result, output, f"townlet study learning {scenario} {options}"))


@study.command()
def survival(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.yaml", help="Scenario file.")],
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds: 0, 1, 2, …; one town each.")] = 100,
    days: Annotated[int, typer.Option(min=1, max=1000, help="Days in each town.")] = 10,
    behavior: Annotated[
        list[str] | None, typer.Option(help="Who acts: heuristic or random; may be repeated. Both by default.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON; write no report.")] = False,
    output: Annotated[Path, typer.Option(help="Folder for the report, its plot and its data.")] = Path("docs/results"),
) -> None:
    """Does a behaviour keep everybody alive? About a minute for 100 seeds of 10 days."""
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.storage import pretty_json
    from townlet.study.survival import here_and_now, study_survival, write_survival_report

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
