"""Report on several seeds: a table and sentences for the terminal, a page in Markdown, and all files of a study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from townlet.config.dump import scenario_yaml
from townlet.files.storage import write_atomically
from townlet.metrics import REWARD
from townlet.statistics.over_seeds import few_seeds_note
from townlet.study.several_seeds.plan import SeedsPlan
from townlet.study.several_seeds.plots import seeds_plots
from townlet.study.several_seeds.results import (
    PAGE_NAME,
    PLOT_NAME,
    SEEDS_NAME,
    SeedsResults,
    as_file,
    scenario_file,
)
from townlet.study.several_seeds.table import Row, markdown_table, over_seeds_rows, score, shown_metrics, text_table
from townlet.telemetry.formatting import count
from townlet.text import markdown
from townlet.view.style import png


def write_results(plan: SeedsPlan, results: SeedsResults) -> None:
    """Write the scenario, the page, the plot and, last, ``seeds.json``. Equal results have equal bytes."""
    folder = plan.folder
    write_atomically(scenario_file(folder, plan.scenario.name), scenario_yaml(plan.scenario))
    write_atomically(folder / PLOT_NAME, png(seeds_plots(results)))
    write_atomically(folder / PAGE_NAME, results_page(results))
    write_atomically(folder / SEEDS_NAME, as_file(results))


def results_text(results: Mapping[str, Any]) -> str:
    """The table, what its columns are, and the sentences below it, in lines that fit a terminal."""
    metrics = shown_metrics(results["metrics"])
    return "\n".join([text_table(_rows(results), metrics, "who acts"), "", *_sentences(results)])


def results_page(results: Mapping[str, Any]) -> str:
    """The page ``seeds.md``."""
    metrics = shown_metrics(results["metrics"])
    seeds, worlds = results["seeds"], results["worlds"]
    sentences = "\n".join(f"- {markdown.plain(line)}" for line in _sentences(results, wide=True))
    return f"""# {count(len(seeds), "seed")} of {markdown.plain(results["scenario"]["name"])}

{sentences}

![Learning curves and final scores]({PLOT_NAME})

{markdown_table(_rows(results), metrics, "who acts")}

Every policy was trained in mode {results["mode"]} for {count(results["epochs"], "epoch")}, and scored in the same
{worlds["count"]} unseen worlds of seed {worlds["seed"]}, {worlds["ticks"]} ticks each; a score is the mean over these
worlds. IQM is the interquartile mean over seeds: the mean of the middle half. Its 95 % interval is a bootstrap over
seeds (Agarwal et al. 2021). It says how other seeds would score in these worlds.

Configuration `{results["scenario"]["config_sha256"][:16]}`; all figures are in [{SEEDS_NAME}]({SEEDS_NAME}).
"""


def improvement_sentences(results: Mapping[str, Any]) -> list[str]:
    """For each other behaviour, the probability that a policy with another seed earns more than it."""
    return [
        f"P(a seed's policy earns more than {name}) = {probability(each)}"
        for name, each in results["probability_of_improvement"].items()
    ]


def probability(estimate: Mapping[str, Any]) -> str:
    """A probability with its interval: ``0.90 [0.70, 1.00]``."""
    if estimate["low"] is None:
        return f"{estimate['value']:.2f}"
    return f"{estimate['value']:.2f} [{estimate['low']:.2f}, {estimate['high']:.2f}]"


def interval(estimate: Mapping[str, Any]) -> str:
    """A score with its interval: ``0.8123 [0.7900, 0.8300]``."""
    if estimate["low"] is None:
        return score(estimate["value"])
    return f"{score(estimate['value'])} [{score(estimate['low'])}, {score(estimate['high'])}]"


def _rows(results: Mapping[str, Any]) -> list[Row]:
    rows: list[Row] = [
        (f"seed {each['seed']}" + (" *" if each["diverged"] else ""), each["scores"]) for each in results["seeds"]
    ]
    return [*rows, *over_seeds_rows(results["interquartile_means"]), *results["behaviors"].items()]


def _sentences(results: Mapping[str, Any], *, wide: bool = False) -> list[str]:
    worlds, seeds = results["worlds"], results["seeds"]
    reward = results["interquartile_means"][REWARD]
    lines = [f"IQM of the reward per agent-step over {count(len(seeds), 'seed')}: {interval(reward)}"]
    lines += improvement_sentences(results)
    diverged = [each for each in seeds if each["diverged"]]
    if diverged:
        lines.append(f"* {len(diverged)} of {count(len(seeds), 'training')} diverged, and count as chance:")
        lines += [f"  seed {each['seed']}: {each['diverged']['message']}" for each in diverged]
    note = few_seeds_note(len(seeds))
    if note is not None:
        lines.append(note)
    if not wide:
        lines.append(f"{count(worlds['count'], 'unseen world')} of seed {worlds['seed']}, the same for all")
    return lines
