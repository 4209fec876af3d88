"""``townlet evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from townlet.cli.brought import say_what_it_brought
from townlet.cli.environment import (
    EnvironmentName,
    EnvironmentOptions,
    Episodes,
    evaluate_environment,
    required_scenario,
)
from townlet.cli.options import TrainedPolicy
from townlet.cli.places import file_option, require_apart

_WORLDS = 16


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(evaluate)


def evaluate(
    policy: TrainedPolicy,
    scenario: Annotated[Path | None, typer.Option(metavar="SCENARIO.yaml", help="Scenario file.")] = None,
    env: EnvironmentName = None,
    env_option: EnvironmentOptions = None,
    episodes: Episodes = None,
    worlds: Annotated[int, typer.Option(help="Number of worlds, at least 2, with one episode each.")] = _WORLDS,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Seed of the worlds; by default the first from 1,000,000 on under which no training data was made."
        ),
    ] = None,
    trained_with: Annotated[
        list[int] | None, typer.Option(help="Another seed under which training data was made; may be repeated.")
    ] = None,
    greedy: Annotated[
        bool, typer.Option(help="Let the policy take its most probable action instead of sampling.")
    ] = False,
    output: Annotated[Path | None, file_option(help="Also write the evaluation to this JSON file.")] = None,
) -> None:
    """Evaluate a policy in worlds that it was not trained in.

    For comparison, the heuristic, the random and the scripted behaviour act in the same worlds; with --env, chance
    alone.
    """
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.config import load_scenario
    from townlet.policies import find_policy

    place = Path(str(find_policy(policy)))
    require_apart(output, place, place / "policy.json", place / "policy.safetensors", scenario)
    if env is not None:
        of_towns: dict[str, Any] = {
            "scenario": scenario,
            "worlds": worlds != _WORLDS and worlds,
            "trained_with": trained_with,
        }
        shared: dict[str, Any] = {"seed": seed, "greedy": greedy, "output": output}
        evaluate_environment(policy, env, env_option, episodes=episodes, **shared, **of_towns)
        return
    loaded = load_scenario(required_scenario(scenario, env_option=env_option, episodes=episodes))
    from townlet.evaluation import evaluate as run_evaluation
    from townlet.evaluation import write_evaluation

    with progress_bar("evaluate", "episodes") as advance:
        compiling_notice()
        result = run_evaluation(
            policy,
            loaded,
            worlds=worlds,
            seed=seed,
            trained_with=trained_with or (),
            greedy=greedy,
            progress=advance,
        )
    _print(result)
    say_what_it_brought(policy, loaded)
    if output is not None:
        typer.echo(f"{output}  sha256 {write_evaluation(result, output)}")


def _print(result: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from townlet.policy_standing import policy_standing

    table = Table("metric", "who acts", "mean", box=box.SIMPLE_HEAD)
    for column in table.columns:
        column.no_wrap = True
    for name, metric in result["metrics"].items():
        # The unit stands below the label: beside the other columns, a terminal has too little room for it.
        beside = [metric["label"], f"  {metric['unit']}", *[""] * len(result["behaviors"])]
        for (behavior, means), words in zip(result["behaviors"].items(), beside, strict=False):
            table.add_row(words, behavior, _short(means[name]))
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"{result['worlds']} worlds of seed {result['seed']}, {result['ticks']} ticks each, the same for every "
        "behaviour; means with 95 % confidence intervals over worlds",
        soft_wrap=True,
    )
    console.print(_verdict(result), soft_wrap=True)
    console.print(policy_standing(result).sentence(), soft_wrap=True)


def _verdict(result: dict[str, Any]) -> str:
    """Compare the policy's reward with that of every other behaviour, by the interval of the difference."""
    groups: dict[str, list[str]] = {"more than": [], "less than": [], "not clearly more or less than": []}
    more, less, unclear = groups
    for name, differences in result["policy_minus"].items():
        low, high = (differences["reward_mean"][end] for end in ("low", "high"))
        groups[more if low > 0 else less if high < 0 else unclear].append(name)
    comparisons = "; ".join(f"{group} {', '.join(names)}" for group, names in groups.items() if names)
    return f"verdict: the policy earns {comparisons} (reward_mean)"


def _short(value: dict[str, float]) -> str:
    half = value["high"] - value["mean"]
    return f"{value['mean']:.4g} ± {half:.2g}"
