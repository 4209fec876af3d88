"""Report of a comparison: a table and sentences for the terminal, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from townlet.files.storage import pretty_json, write_atomically
from townlet.statistics.over_seeds import few_seeds_note
from townlet.study.comparison.plots import comparison_plots
from townlet.study.several_seeds.report import probability
from townlet.study.several_seeds.table import Row, markdown_table, over_seeds_rows, score, shown_metrics, text_table
from townlet.telemetry.formatting import count
from townlet.text import markdown
from townlet.view.style import png

#: Files of a comparison; the JSON is written last.
COMPARISON_NAME, PAGE_NAME, PLOT_NAME = "comparison.json", "comparison.md", "comparison.png"
COMPARISON_NAMES = (COMPARISON_NAME, PAGE_NAME, PLOT_NAME)


def write_comparison(result: Mapping[str, Any], folder: Path) -> str:
    """Write the plot, the page and the JSON into a folder; return the SHA-256 of the JSON.

    Equal comparisons have equal bytes.
    """
    write_atomically(folder / PLOT_NAME, png(comparison_plots(result)))
    write_atomically(folder / PAGE_NAME, comparison_page(result))
    return write_atomically(folder / COMPARISON_NAME, pretty_json(result))


def comparison_text(result: Mapping[str, Any], *, all_pairs: bool = False) -> str:
    """The table and the sentences below it, in lines for a terminal; the verdict is the last."""
    metrics = shown_metrics(result["metrics"])
    return "\n".join([text_table(_rows(result), metrics, "run"), "", *_sentences(result, all_pairs=all_pairs)])


def comparison_page(result: Mapping[str, Any]) -> str:
    """The page ``comparison.md``."""
    metrics = shown_metrics(result["metrics"])
    names = [markdown.plain(run["name"]) for run in result["runs"]]
    sentences = "\n".join(f"- {markdown.plain(line)}" for line in _sentences(result, all_pairs=True)[:-1])
    differs = result["training_differs_in"]
    rows = [[markdown.code(key), *map(markdown.plain, values)] for key, values in differs.items()]
    trained = (
        f"The trainings differ in:\n\n{markdown.table(['key', *names], rows)}\n"
        if differs
        else "The trainings do not differ in any setting.\n"
    )
    return f"""# {markdown.plain(result["scenario"]["name"])}: {" · ".join(names)}

{markdown.plain(result["verdict"])}

{sentences}

![Scores of all runs]({PLOT_NAME})

{markdown_table(_rows(result), metrics, "run")}

{trained}
All figures are in [{COMPARISON_NAME}]({COMPARISON_NAME}).
"""


def _rows(result: Mapping[str, Any]) -> list[Row]:
    rows: list[Row] = []
    for run in result["runs"]:
        label = run["name"] if run["kind"] == "policy" else f"{run['name']}, {count(run['seeds'], 'seed')}"
        rows += over_seeds_rows(run["interquartile_means"], label)
    return [*rows, *result["behaviors"].items()]


def _sentences(result: Mapping[str, Any], *, all_pairs: bool) -> list[str]:
    worlds, runs = result["worlds"], result["runs"]
    first = runs[0]["name"]
    pairs = [pair for pair in result["pairs"] if all_pairs or pair["over"] == first]
    lines = [_pair(pair) for pair in pairs]
    lines += [
        f"{run['name']}: {run['diverged']} of {count(run['seeds'], 'training')} diverged, and count as chance"
        for run in runs
        if run["diverged"]
    ]
    fewest = min((run["seeds"] for run in runs if run["kind"] == "seeds"), default=None)
    note = None if fewest is None else few_seeds_note(fewest)
    lines += [] if note is None else [note]
    again = ", in which all policies were scored again" if result["scored_again"] else ""
    lines.append(f"{count(worlds['count'], 'unseen world')} of seed {worlds['seed']}, the same for all{again}")
    return [*lines, result["verdict"]]


def _pair(pair: Mapping[str, Any]) -> str:
    if "difference_over_worlds" in pair:
        between = pair["difference_over_worlds"]
        ends = ", ".join(score(between[end]) for end in ("low", "high"))
        return f"{pair['of']} earns {score(between['mean'])} [{ends}] more per agent-step than {pair['over']}"
    return f"P({pair['of']} earns more than {pair['over']}) = {probability(pair['probability_of_improvement'])}"
