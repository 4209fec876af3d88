"""``townlet evaluate``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townlet.cli.brought import say_what_it_brought
from townlet.cli.environment import (
    EnvironmentName,
    EnvironmentOptions,
    Episodes,
    evaluate_environment,
    required_scenario,
)
from townlet.cli.options import ActingBehavior, EvaluatedPolicy
from townlet.cli.places import file_option, require_apart
from townlet.cli.settings import SettingsOption

if TYPE_CHECKING:
    from rich.console import Console

    from townlet.config import Scenario

#: The most people of a group that are listed by name.
_NAMED = 8
_WORLDS = 16


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(evaluate)


def evaluate(
    policy: EvaluatedPolicy = None,
    scenario: Annotated[Path | None, typer.Option(metavar="SCENARIO.yaml", help="Scenario file.")] = None,
    behavior: ActingBehavior = None,
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
    settings: SettingsOption = None,
    output: Annotated[Path | None, file_option(help="Also write the evaluation to this JSON file.")] = None,
) -> None:
    """Evaluate a policy, or any --behavior, in worlds that it was not trained in.

    For comparison, the heuristic, the random and the scripted behaviour act in the same worlds; with --env, chance
    alone. Settings change the town that is evaluated in.
    """
    from townlet.config import load_scenario
    from townlet.config.settings_use import scenario_for

    _require_apart(output, policy, scenario)
    if env is not None:
        of_towns: dict[str, Any] = {
            "scenario": scenario,
            "behavior": behavior,
            "worlds": worlds != _WORLDS and worlds,
            "trained_with": trained_with,
            "set": ", ".join(settings or ()),
        }
        shared: dict[str, Any] = {"seed": seed, "greedy": greedy, "output": output}
        evaluate_environment(policy, env, env_option, episodes=episodes, **shared, **of_towns)
        return
    options: dict[str, Any] = {"behavior": behavior, "worlds": worlds, "seed": seed, "greedy": greedy}
    file = required_scenario(scenario, env_option=env_option, episodes=episodes)
    town = scenario_for("evaluation", load_scenario(file), settings or ())
    _evaluate_in_town(policy, town, output, {**options, "trained_with": trained_with or ()})


def _require_apart(output: Path | None, policy: Path | None, scenario: Path | None) -> None:
    from townlet.policies import find_policy

    inputs = [scenario]
    if policy is not None:
        place = Path(str(find_policy(policy)))
        inputs += [place, place / "policy.json", place / "policy.safetensors"]
    require_apart(output, *inputs)


def _evaluate_in_town(policy: Path | None, town: Scenario, output: Path | None, options: Mapping[str, Any]) -> None:
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.evaluation import evaluate as run_evaluation
    from townlet.evaluation import write_evaluation

    with progress_bar("evaluate", "episodes") as advance:
        compiling_notice()
        result = run_evaluation(policy, town, **options, progress=advance)
    _print(result)
    _say_what_is_set(town)
    say_what_it_brought(policy, town)
    if output is not None:
        typer.echo(f"{output}  sha256 {write_evaluation(result, output)}")


def _say_what_is_set(town: Scenario) -> None:
    """Name the settings with which the town differs from its file."""
    from townlet.config.settings import setting_texts

    if town.settings:
        typer.echo(f"in {town.name} with {', '.join(setting_texts(town.settings))}")


def _print(result: dict[str, Any]) -> None:
    from townlet.cli.score_tables import print_scores, print_sentence, scores_console
    from townlet.policy_standing import acting_name, policy_standing, reward_verdict

    console = scores_console()
    print_sentence(console, reward_verdict(result))
    print_sentence(console, policy_standing(result).sentence())
    acting = acting_name(result)
    acting = f"{acting} (evaluated)" if acting in result["behaviors"] and acting != "policy" else acting
    scores = (
        (
            metric["label"],
            metric["unit"],
            {acting if who == "policy" else who: means[name] for who, means in result["behaviors"].items()},
        )
        for name, metric in result["metrics"].items()
    )
    print_scores(console, "who acts", scores)
    print_sentence(
        console,
        f"{result['worlds']} worlds of seed {result['seed']}, {result['ticks']} ticks each, the same for every "
        "behaviour; means with 95 % confidence intervals over worlds",
    )
    _print_groups(result, console)


def _print_groups(result: dict[str, Any], console: Console) -> None:
    """The groups of mixed company, beside the same people when everybody follows one behaviour."""
    from townlet.cli.score_tables import print_scores, print_sentence
    from townlet.metrics import METRICS

    for name, group in result.get("groups", {}).items():
        more = ", …" if len(group["people"]) > _NAMED else ""
        people = f"{len(group['people'])} of the people: {', '.join(group['people'][:_NAMED])}{more}"
        scores = (
            (
                METRICS[metric].label,
                METRICS[metric].unit,
                {"this company": value} | {f"all {label}": means[metric] for label, means in group["alone"].items()},
            )
            for metric, value in group["company"].items()
        )
        print_scores(console, "who acts", scores, title=f"{name} ({group['behavior']}), {people}")
        earned = _comparisons({f"if all were {label}": minus for label, minus in group["company_minus"].items()})
        print_sentence(console, f"in this company, the people of {name} earn {earned} (mean reward)")


def _comparisons(minus: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Compare rewards by the intervals of their differences to those under each other behaviour."""
    groups: dict[str, list[str]] = {"more than": [], "less than": [], "not clearly more or less than": []}
    more, less, unclear = groups
    for name, differences in minus.items():
        low, high = (differences["reward_mean"][end] for end in ("low", "high"))
        groups[more if low > 0 else less if high < 0 else unclear].append(name)
    return "; ".join(f"{group} {', '.join(names)}" for group, names in groups.items() if names)
