"""Training and evaluation in environments that are no towns, for the commands ``train`` and ``evaluate``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townlet.errors import InputError

if TYPE_CHECKING:
    from townlet.tracking import Recorder
    from townlet.training import TrainingOptions, TrainingResult

EnvironmentName = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="NAME",
        help="Environment in place of a scenario: [MODULE:]ID of Gymnasium or PettingZoo, MODULE:FACTORY or "
        "FILE.py:FACTORY.",
    ),
]
EnvironmentOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--env-option",
        metavar="KEY=VALUE",
        help="Keyword argument of the environment; the value is JSON, or else text. May be repeated.",
    ),
]

Episodes = Annotated[int | None, typer.Option(help="With --env: number of episodes; by default 100.")]


def parsed_options(given: Sequence[str] | None) -> dict[str, Any]:
    """Keyword arguments from ``KEY=VALUE``. Raises InputError for another form, a repeated key, and broken JSON."""
    from townlet.files.strict_json import strict

    found: dict[str, Any] = {}
    for each in given or ():
        key, equals, text = each.partition("=")
        if not equals or not key.isidentifier():
            raise InputError.of("options", "--env-option", repr(each), "KEY=VALUE, with the name of an argument")
        if key in found:
            raise InputError.of("options", "--env-option", f"{key} a second time", "once")
        # A word is text without quotes; numbers, true, false and null, and all that begins like JSON, are JSON.
        is_json = re.match(r'[\[{"]|-?\d|(true|false|null|NaN|-?Infinity)$', text) is not None
        found[key] = strict(text.encode(), f"--env-option {key}", "JSON or a word") if is_json else text
    return found


def required_scenario(scenario: Path | None, **others: Any) -> Path:
    """The scenario of a command without ``--env``; ``others`` are options that only go with ``--env``.

    Raises InputError if there is none, or if one of the others is given.
    """
    if scenario is None:
        raise InputError.of("options", "", "neither a scenario nor --env", "a scenario's file, or --env NAME")
    for option, value in others.items():
        if value is not None and value != []:
            found = ", ".join(value) if isinstance(value, list) else str(value)
            raise InputError.of("options", f"--{option.replace('_', '-')}", found, "none without --env")
    return scenario


def require_none_with_env(**options: Any) -> None:
    """Raise InputError for an option that has no meaning in an environment that is not a town, and was given."""
    for option, value in options.items():
        if value:
            name = option if option == "scenario" else f"--{option.replace('_', '-')}"
            raise InputError.of("options", name, str(value), "none with --env")


def train_environment(
    name: str,
    given: Sequence[str] | None,
    config: Path | None,
    options: TrainingOptions,
    recorder: Recorder,
    set_beside: Sequence[str] = (),
) -> TrainingResult:
    """Train in an environment, with a bar of its progress, and print what came of it."""
    from townlet.cli.console import progress_bar
    from townlet.training import TrainingInterrupted
    from townlet.training.environment import find_environment, load_settings, train_in_environment
    from townlet.training.environment.settings import require_settings_beside

    settings = load_settings(config, set_beside)
    require_settings_beside(options, set_beside)
    environment = find_environment(name, {**settings.options, **parsed_options(given)})
    planned = options.planned_epochs(settings.training)
    ended: list[float] = []

    with progress_bar(f"train {name}", "epochs") as advance:

        def show(record: dict[str, Any]) -> None:
            if "environment.return_mean" in record:
                ended.append(float(record["environment.return_mean"]))
            advance(int(record["epoch"]), planned, f"return {ended[-1]:.4g}" if ended else "")

        try:
            result = train_in_environment(environment, settings, options, recorder.beside(show), _warn)
        except TrainingInterrupted as interruption:
            typer.echo(interruption, err=True)
            raise
    if ended:
        typer.echo(f"mean return of the episodes that ended last: {ended[-1]:.4g}")
    return result


def _warn(text: str) -> None:
    typer.echo(f"warning: {text}", err=True)


def default_folder(name: str) -> Path:
    """The folder of a training without ``--output``: below ``runs``, named after the environment."""
    return Path("runs") / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name).strip('.-') or 'environment'}-rollout"


def evaluate_environment(
    policy: Path | None,
    name: str,
    given: Sequence[str] | None,
    *,
    episodes: int | None,
    seed: int | None,
    greedy: bool,
    output: Path | None,
    **of_towns: Any,
) -> None:
    """Evaluate a policy beside random play in an environment, and print the returns.

    ``of_towns`` are options that must not be given.
    """
    require_none_with_env(**of_towns)
    if policy is None:
        raise InputError.of("options", "policy", "nothing", "a policy that was trained with --env")
    from townlet.cli.console import progress_bar
    from townlet.training.environment import evaluate_in_environment, find_environment, write_evaluation

    environment = find_environment(name, parsed_options(given))
    with progress_bar("evaluate", "episodes") as advance:
        result = evaluate_in_environment(
            policy,
            environment,
            episodes=100 if episodes is None else episodes,
            seed=seed,
            greedy=greedy,
            progress=advance,
        )
    for who, value in result["returns"].items():
        steps = result["steps"][who]
        typer.echo(f"{who:6}  mean return {_short(value)}, {steps:.4g} steps per episode")
    typer.echo(f"policy − random: {_short(result['policy_minus_random'])}")
    played = f"{result['episodes']} episodes of seed {result['seed']}, the same for both"
    typer.echo(f"{played}; means with 95 % confidence intervals over episodes")
    if output is not None:
        typer.echo(f"{output}  sha256 {write_evaluation(result, output)}")


def _short(value: dict[str, float]) -> str:
    return f"{value['mean']:.5g} ± {value['high'] - value['mean']:.2g}"
