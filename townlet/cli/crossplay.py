"""``townlet crossplay``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from townlet.cli.places import file_option, require_apart


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(crossplay)


def crossplay(
    behaviors: Annotated[
        list[str],
        typer.Argument(
            metavar="BEHAVIOR BEHAVIOR...",
            help="Behaviours, at least two: scripted, heuristic, random, a policy's place or name, or your own: "
            "package.module:factory, FILE.py:factory or FILE.onnx. The code of your own is run.",
        ),
    ],
    scenario: Annotated[Path, typer.Option(metavar="SCENARIO.yaml", help="Scenario file.")],
    share: Annotated[str, typer.Option(help="Share of the people who are scored; the others are company.")] = "50%",
    worlds: Annotated[int, typer.Option(help="Number of worlds, at least 2, with one episode each.")] = 16,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Seed of the worlds; by default the first from 1,000,000 on that no policy was trained with."
        ),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Metric of a table; may be repeated. By default reward_mean.")
    ] = None,
    output: Annotated[Path | None, file_option(help="Also write all metrics to this JSON file.")] = None,
) -> None:
    """Score each behaviour in the company of each other one.

    The same people in the same worlds follow each behaviour in turn (rows), beside others who follow each (columns).
    """
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.config import load_scenario
    from townlet.errors import InputError, nearest_name

    require_apart(output, scenario, *(Path(words) for words in behaviors if Path(words).exists()))
    loaded = load_scenario(scenario)
    from townlet.crossplay import crossplay as run_crossplay
    from townlet.crossplay import write_crossplay
    from townlet.outcomes.groups import GROUP_METRICS

    metrics = metric or ["reward_mean"]
    for name in metrics:
        if name not in GROUP_METRICS:
            raise InputError.of("options", "--metric", repr(name), nearest_name(name, GROUP_METRICS))
    with progress_bar("crossplay", "episodes") as advance:
        compiling_notice()
        result = run_crossplay(behaviors, loaded, share=share, worlds=worlds, seed=seed, progress=advance)
    _print(result, metrics, len(loaded.people))
    if output is not None:
        typer.echo(f"{output}  sha256 {write_crossplay(result, output)}")


def _print(result: dict[str, Any], metrics: list[str], people: int) -> None:
    from townlet.cli.score_tables import plus_minus, print_matrix, print_sentence, scores_console
    from townlet.crossplay import sentence
    from townlet.errors import InputError

    console = scores_console()
    for name in metrics:
        if name not in result["metrics"]:
            raise InputError.of("options", "--metric", name, "a metric that these people have: nobody has a job")
        about = result["metrics"][name]
        scores = {
            row: {who: plus_minus(of[name]) for who, of in each.items()} for row, each in result["scores"].items()
        }
        print_sentence(console, sentence(result, name))
        print_matrix(console, f"{about['label']}, {about['unit']}", "who is scored", scores)
    print_sentence(
        console,
        f"{len(result['focal'])} of {people} people are scored ({result['share']}), in {result['worlds']} worlds "
        f"of seed {result['seed']}, {result['ticks']} ticks each, the same for every pair; means with 95 % confidence "
        "intervals over worlds",
    )
