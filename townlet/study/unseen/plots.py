"""Plots of the report: every town, every seed, and needs against conflict."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from townlet.metrics import METRICS
from townlet.statistics.crossed import Statistic, by_seed, crossed_interval, middle_mean, whole_mean
from townlet.study.strips import draw_strip
from townlet.study.unseen.arms import ARMS, AWARE, HEURISTIC, LABELS
from townlet.study.unseen.findings import Answer, Findings
from townlet.study.unseen.rows import ATTENDANCE, CONFLICT, FAINTS, NEEDS, USE, WAITING
from townlet.study.unseen.tables import DESCRIPTIVE_SAMPLES
from townlet.view.style import PALETTE, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Metrics in which towns are compared one by one, and those in which seeds are.
_BY_TOWN = (NEEDS, CONFLICT, WAITING, USE)
_BY_SEED = (NEEDS, CONFLICT, ATTENDANCE, FAINTS)
_COLORS = {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(ARMS)}


def plots_of(findings: Findings) -> list[Plot]:
    """Plots of towns, seeds, needs against conflict, mixed company and large towns."""
    towns = findings.answers["towns"]
    return [
        *(
            Plot(f"{_title(metric)}: every town", "policy against heuristic", _by_town(towns, metric))
            for metric in _BY_TOWN
        ),
        *(Plot(f"{_title(metric)}: every seed", "by arm", _by_arm(towns, metric)) for metric in _BY_SEED),
        Plot("Needs against conflict", "by arm", _needs_and_conflict(towns)),
        Plot("Needs in mixed company", "by arm", _by_arm(findings.answers["company"], NEEDS)),
        Plot("Needs in large towns", "by arm", _by_arm(findings.answers["large"], NEEDS)),
        Plot("Conflict intensity in large towns", "by arm", _by_arm(findings.answers["large"], CONFLICT)),
    ]


def _title(metric: str) -> str:
    return METRICS[metric].title.split(",")[0] + (", p95" if metric == WAITING else "")


def _statistic(metric: str) -> Statistic:
    return whole_mean if metric in (ATTENDANCE, FAINTS) else middle_mean


def _measured(answer: Answer, arm: str, metric: str) -> NDArray[np.float64]:
    """float64 [S, K]: the scores in the towns in which every arm has some."""
    everywhere = np.all([np.isfinite(scores[metric]).all(axis=0) for scores in answer.arms.values()], axis=0)
    return answer.arms[arm][metric][:, everywhere]


def _by_town(answer: Answer, metric: str) -> Callable[[Axes], None]:
    """Every town as a dot: the heuristic's score and the median seed's, with the range of the seeds."""

    def draw(axes: Axes) -> None:
        theirs = _measured(answer, HEURISTIC.name, metric).mean(axis=0)
        ours = _measured(answer, AWARE.name, metric)
        if ours.size == 0:
            return
        color = _COLORS[AWARE.name]
        axes.vlines(theirs, ours.min(axis=0), ours.max(axis=0), color=color, alpha=0.25)
        axes.plot(theirs, np.median(ours, axis=0), "o", color=color, markersize=4)
        ends = [min(theirs.min(), ours.min()), max(theirs.max(), ours.max())]
        axes.plot(ends, ends, color="black", linewidth=0.8)
        axes.set_xlabel(f"heuristic, {METRICS[metric].unit}")
        axes.set_ylabel("conflict-aware")

    return draw


def _by_arm(answer: Answer, metric: str) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        statistic = _statistic(metric)
        for row, arm in enumerate(answer.arms):
            scores = _measured(answer, arm, metric)
            if scores.size:
                interval = crossed_interval(scores, statistic, DESCRIPTIVE_SAMPLES)
                draw_strip(axes, row, by_seed(scores, statistic), interval, _COLORS[arm])
        axes.set_yticks(range(len(answer.arms)), [LABELS[arm] for arm in answer.arms])
        axes.invert_yaxis()
        axes.set_xlabel(METRICS[metric].unit)

    return draw


def _needs_and_conflict(answer: Answer) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for arm in answer.arms:
            conflict, needs = (by_seed(_measured(answer, arm, metric)) for metric in (CONFLICT, NEEDS))
            axes.plot(conflict, needs, ".", color=_COLORS[arm], alpha=0.5)
            axes.plot([conflict.mean()], [needs.mean()], "D", color=_COLORS[arm], label=LABELS[arm])
        axes.set_xscale("symlog", linthresh=0.01)
        axes.set_xlim(left=0.0)
        axes.set_xlabel(METRICS[CONFLICT].heading)
        axes.set_ylabel("needs")
        axes.legend(fontsize=6)

    return draw
