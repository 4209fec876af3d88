"""Report of a sweep: one page of Markdown, and the table that the command prints."""

from __future__ import annotations

from collections.abc import Mapping

from townlet.metrics import capitalized
from townlet.statistics.over_seeds import few_seeds_note, interquartile_mean
from townlet.sweep.records import TrialRecord
from townlet.sweep.results import BEST_NAME, EXPERIMENT_NAME, PLOT_NAME, SweepResult, all_settings
from townlet.sweep.wording import bounds, number, set_options, settings_in_words, short_keys, words_of
from townlet.text.markdown import code, plain, table

#: Trials that are printed; the page has all of them.
SHOWN = 5


def best_rows(result: SweepResult) -> list[tuple[str, str, str]]:
    """The best trials, and the scenario's own settings: name, score and settings."""
    shown = result.ranked[:SHOWN]
    rows = [(str(record.number), number(record.score or 0.0), settings_in_words(record.settings)) for record in shown]
    default = result.default
    if default is None:
        rows.append(("default", "not tried", settings_in_words(result.space.default)))
    elif default not in shown:
        score = default.state if default.score is None else number(default.score)
        rows.append((f"default ({default.number})", score, settings_in_words(result.space.default)))
    else:
        place = shown.index(default)
        rows[place] = (f"default ({default.number})", *rows[place][1:])
    return rows


def headline(result: SweepResult) -> str:
    """What was found, in a sentence or two."""
    metric, best = result.options.measured, result.best
    if result.is_default_best:
        return f"No trial has a better {metric.label} than the scenario's own settings."
    confirmation = result.confirmation
    if confirmation is None:
        return f"Trial {best.number} has the best {metric.label}. It is not confirmed: the best of many is partly luck."
    seeds = len(confirmation.best)
    found = f"{bounds(interquartile_mean(confirmation.best))} to {bounds(interquartile_mean(confirmation.default))}"
    if confirmation.better:
        return (
            f"With {seeds} fresh seeds, the settings of trial {best.number} have a better {metric.label} than the "
            f"scenario's own: {found}, intervals apart."
        )
    return (
        f"With {seeds} fresh seeds, the settings of trial {best.number} are not shown to be better than the "
        f"scenario's own: {metric.label} {found}."
    )


def improvement_words(result: SweepResult) -> str:
    """The probability of improvement; empty without a confirmation."""
    if result.confirmation is None:
        return ""
    found = result.confirmation.improvement
    words = f"probability that a training by them is better: {found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
    note = few_seeds_note(found.seeds)
    return words if note is None else f"{words}. {note.removesuffix('.')}"


def next_step(result: SweepResult) -> str:
    """The command that follows."""
    if result.is_default_best:
        return "keep the scenario's settings, or widen the space; more --trials go on in the same folder"
    if result.confirmation is None:
        return "the same command with --confirm 10 tells whether they are better"
    if not result.confirmation.better:
        return "more --trials go on in the same folder; or --confirm with more seeds tells smaller differences"
    return f"townlet train {result.file} {set_options(all_settings(result))}"


def markdown(result: SweepResult, importances: Mapping[str, float]) -> str:
    """The page."""
    options, metric = result.options, result.options.measured
    names = short_keys(result.space.settings)
    counts = f"{result.count('complete')} finished, {result.count('pruned')} pruned, {result.count('failed')} failed"
    matter = ", ".join(f"{names[key]} {share:.0%}" for key, share in importances.items())
    lines = [
        f"# Sweep of {plain(result.fixed.name)}",
        headline(result),
        f"![Trials, confirmation and settings]({PLOT_NAME})",
        _confirmed(result),
        "## Best settings",
        table(("setting", "best", "the scenario's own"), _settings_rows(result)),
        f"Also in [{BEST_NAME}]({BEST_NAME}); [{EXPERIMENT_NAME}]({EXPERIMENT_NAME}) registers them as an experiment. "
        f"Next: {_as_code(next_step(result))}",
        f"What separates the best tenth of the trials, by PED-ANOVA: {matter}." if matter else "",
        f"## Trials: {len(result.records)}, of which {counts}",
        table(("trial", "state", "score", "of each seed", "settings"), [_row(record) for record in result.records]),
        f"The score is the {metric.label} ({metric.unit}) in {options.worlds} unseen worlds of seed "
        f"{options.world_seeds(result.fixed)[0]}, interquartile mean over trainings with the seeds "
        f"{_listed(options.seeds)}. {_better(result)} A pruned trial shows the value at which it was stopped. Sampler "
        f"{options.sampler}, pruner {options.pruned_by}, sweep seed {options.seed}, {options.jobs} "
        f"{'process' if options.jobs == 1 else 'processes'}.",
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def _confirmed(result: SweepResult) -> str:
    confirmation = result.confirmation
    if confirmation is None:
        return ""
    rows = [
        (name, bounds(interquartile_mean(scores)), number(min(scores)), number(max(scores)))
        for name, scores in (
            (f"trial {result.best.number}", confirmation.best),
            ("the scenario's own", confirmation.default),
        )
    ]
    return (
        table(("settings", f"{result.options.measured.label}, 95 % interval", "lowest seed", "highest seed"), rows)
        + f"\n\nInterquartile means over {len(confirmation.best)} seeds, {_listed(result.options.fresh_seeds)}, which "
        f"no trial used, in {result.options.worlds} worlds of seed {confirmation.world_seed}, which no trial saw, with "
        f"bootstrap intervals over seeds. {capitalized(improvement_words(result))}."
    )


def _settings_rows(result: SweepResult) -> list[tuple[str, str, str]]:
    return [
        (code(key), words_of(result.best.settings[key]), words_of(result.space.default[key]))
        for key in result.space.settings
    ]


def _row(record: TrialRecord) -> tuple[str, ...]:
    last = record.reports[-1] if record.reports else None
    score = number(record.score) if record.score is not None else number(last.value) if last else "—"
    settings = settings_in_words(record.settings)
    details = f"{settings}: {record.reason}" if record.reason else settings
    return (
        str(record.number),
        f"pruned at {last.step}/10" if record.state == "pruned" and last else record.state,
        score,
        ", ".join(number(one) for one in record.scores) or "—",
        plain(details),
    )


def _better(result: SweepResult) -> str:
    return "More is better." if result.options.sign > 0 else "Less is better."


def _listed(seeds: tuple[int, ...]) -> str:
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"


def _as_code(step: str) -> str:
    return code(step) if step.startswith("townlet ") else step
