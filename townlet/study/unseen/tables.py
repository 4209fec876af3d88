"""Tables of the report: rows of the claim, metrics of every arm, every seed and every town."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from townlet.metrics import METRICS
from townlet.statistics.crossed import crossed_interval, estimate, whole_mean
from townlet.study.rounded import chance, number, shown
from townlet.study.unseen.analysis import Outcome
from townlet.study.unseen.arms import AWARE, HEURISTIC, LABELS
from townlet.study.unseen.findings import Answer, Findings, Scores
from townlet.study.unseen.rows import ATTENDANCE, CONFLICT, FAINTS, NEEDS, TABLE, USE, WAITING
from townlet.study.unseen.wording import verdict
from townlet.text.markdown import table

#: Metrics that the tables show, in order; the JSON file has all.
SHOWN = (NEEDS, CONFLICT, ATTENDANCE, FAINTS, WAITING, "wait_mean", USE, "wages", "fairness")
#: Metrics of the tables of seeds and towns.
BRIEF = (NEEDS, CONFLICT, ATTENDANCE, FAINTS, WAITING, USE)
#: Bootstrap samples of the descriptive tables; tests take more.
DESCRIPTIVE_SAMPLES = 2_000


def outcome_table(outcomes: Sequence[Outcome]) -> str:
    """One line per row of the protocol."""
    lines = [
        [
            outcome.row.says,
            *([number(outcome.ours), f"{number(outcome.theirs)} ({LABELS[outcome.row.other]})"]),
            shown(outcome.difference),
            _p(outcome),
            f"{outcome.meeting} of {len(outcome.seeds)}",
            f"{100 * outcome.share:.0f} %",
            chance(outcome.improvement),
            verdict(outcome),
        ]
        if outcome.towns
        else [outcome.row.says, *[""] * 7, verdict(outcome)]
        for outcome in outcomes
    ]
    header = [
        "row",
        "conflict-aware",
        "beside",
        "difference, above 0 where it holds",
        "p, corrected",
        "seeds that meet it",
        "seeds × towns that meet it",
        "probability of improvement",
        "verdict",
    ]
    return table(header, lines)


def _p(outcome: Outcome) -> str:
    if outcome.row.test == "every seed":
        return "not tested"
    return f"{outcome.p_value:.2g}, {outcome.adjusted:.2g}"


def arm_table(answer: Answer) -> str:
    """Interquartile mean with its interval, and the mean, of every arm in every shown metric."""
    lines = []
    for metric in map(METRICS.__getitem__, SHOWN):
        cells = [_middle_and_mean(scores, metric.name) for scores in answer.arms.values()]
        lines.append([f"{metric.heading}{' ↑' if metric.more_is_better else ' ↓'}", *cells])
    return table(["", *(LABELS[arm] for arm in answer.arms)], lines)


def _middle_and_mean(scores: Scores, metric: str) -> str:
    values = scores[metric]
    values = values[:, np.isfinite(values).all(axis=0)]
    if values.size == 0:
        return "–"
    return f"{shown(crossed_interval(values, samples=DESCRIPTIVE_SAMPLES))}; {number(estimate(values, whole_mean))}"


def seed_table(outcomes: Sequence[Outcome], findings: Findings) -> str:
    """For every conflict-aware seed its difference in each row of the table, and whether it meets it."""
    rows = {row.name for row in TABLE}
    shown_rows = [outcome for outcome in outcomes if outcome.row.name in rows]
    lines = [
        [str(seed), *(_met(float(outcome.seeds[index])) for outcome in shown_rows)]
        for index, seed in enumerate(findings.settings.seed_numbers(AWARE))
    ]
    legend = "Difference with its margin, over all towns; ✓ where the seed meets the row by itself."
    return f"{table(['seed', *(outcome.row.name for outcome in shown_rows)], lines)}\n\n{legend}"


def _met(difference: float) -> str:
    if not np.isfinite(difference):
        return "–"
    return f"{'✓' if difference >= 0.0 else '✗'} {difference:+.3g}"


def town_table(answer: Answer) -> str:
    """Every town: what it is like, and the heuristic's figures beside the mean of the conflict-aware seeds."""
    ours, theirs = answer.arms[AWARE.name], answer.arms[HEURISTIC.name]
    lines = [
        [
            str(town.number),
            str(town.people),
            str(town.showers),
            f"{100 * town.shower_demand:.0f} %",
            *(f"{_at(theirs, metric, k)} · {_at(ours, metric, k)}" for metric in BRIEF),
        ]
        for k, town in enumerate(answer.towns)
    ]
    names = [METRICS[metric].heading for metric in BRIEF]
    legend = f"In each cell: {LABELS[HEURISTIC.name]} · mean of the {LABELS[AWARE.name]} seeds."
    return f"{table(['town', 'people', 'showers', 'demand for them', *names], lines)}\n\n{legend}"


def _at(scores: Scores, metric: str, town: int) -> str:
    value = float(scores[metric][:, town].mean())
    return number(value) if np.isfinite(value) else "–"
