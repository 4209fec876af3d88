"""Plots of the report; every seed is a dot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from townlet.metrics import METRICS, REWARD, capitalized
from townlet.statistics.bootstrap import iqm_interval
from townlet.study.conflict.analysis import CONFLICT, NEEDS, USE
from townlet.study.conflict.arms import ARMS
from townlet.study.conflict.plan import Findings, Scores
from townlet.study.strips import draw_strip
from townlet.view.style import PALETTE, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LABELS = {arm.name: arm.label for arm in ARMS}
#: Smaller intensities are drawn here, at the edge of their logarithmic axis.
_FLOOR = 0.01


def plots_of(findings: Findings) -> list[Plot]:
    """Plots of arms by metric, conflict against needs, dose, penalty, held-out towns and mixed populations."""
    arms = findings.arms
    return [
        Plot(f"{METRICS[CONFLICT].title} {METRICS[CONFLICT].unit}", "by arm", _by_arm(arms, CONFLICT, log=True)),
        Plot(METRICS[NEEDS].title, "by arm", _by_arm(arms, NEEDS)),
        Plot(capitalized(METRICS[USE].heading), "by arm", _by_arm(arms, USE)),
        Plot("Conflict against needs, by penalty", "Pareto front", _pareto(findings)),
        Plot("Dose: conflict by demand for the shower", "by arm", _dose(findings, CONFLICT, log=True)),
        Plot("Dose: needs by demand for the shower", "by arm", _dose(findings, NEEDS)),
        Plot("Held out: conflict intensity", "by town", _by_place(findings.held_out, CONFLICT, log=True)),
        Plot("Held out: needs", "by town", _by_place(findings.held_out, NEEDS)),
        Plot(
            "Mixed populations: conflict by focal people",
            "by background",
            _by_place(findings.mixed, CONFLICT, log=True),
        ),
        Plot(METRICS["wait_mean"].title, "by arm", _by_arm(arms, "wait_mean")),
        Plot("Attendance at work", "by arm", _by_arm(arms, "attendance")),
        Plot(f"Training: {METRICS[CONFLICT].label}", "by rollout", _curves(findings, CONFLICT, log=True)),
        Plot("Training: reward per agent-step, as paid", "by rollout", _curves(findings, REWARD)),
    ]


def _by_arm(arms: dict[str, Scores], metric: str, log: bool = False) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for row, scores in enumerate(arms.values()):
            _row(axes, row, scores[metric], PALETTE[row % len(PALETTE)], log)
        axes.set_yticks(range(len(arms)), [_LABELS[arm] for arm in arms])
        axes.invert_yaxis()
        if log:
            axes.set_xscale("log")

    return draw


def _row(axes: Axes, row: float, values: NDArray[np.float64], color: str, log: bool) -> None:
    draw_strip(axes, row, values, iqm_interval(values), color, _FLOOR if log else -np.inf)


def _by_place(places: dict[str, dict[str, Scores]], metric: str, log: bool = False) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        arms = list(next(iter(places.values())))
        for row, place in enumerate(places):
            for n, arm in enumerate(arms):
                offset = 0.7 * ((n + 0.5) / len(arms) - 0.5)
                _row(axes, row + offset, places[place][arm][metric], PALETTE[n], log)
        for n, arm in enumerate(arms):
            axes.plot([], [], color=PALETTE[n], linewidth=4, label=_LABELS[arm])
        axes.set_yticks(range(len(places)), list(places))
        axes.invert_yaxis()
        axes.legend(fontsize=6)
        if log:
            axes.set_xscale("log")

    return draw


def _dose(findings: Findings, metric: str, log: bool = False) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        demands = list(findings.doses)
        for n, arm in enumerate(findings.doses[demands[0]]):
            groups = [findings.doses[demand][arm][metric] for demand in demands]
            _band(axes, demands, groups, PALETTE[n], _LABELS[arm], log)
        axes.set_xlabel("demand, of the shower's capacity")
        axes.legend(fontsize=7)
        if log:
            axes.set_yscale("log")

    return draw


def _band(
    axes: Axes, x: Sequence[float], groups: Sequence[NDArray[np.float64]], color: str, label: str, log: bool
) -> None:
    least = _FLOOR if log else -np.inf
    intervals = np.maximum(np.array([iqm_interval(values) for values in groups]), least)
    axes.plot(x, intervals[:, 0], marker="o", color=color, label=label)
    axes.fill_between(x, intervals[:, 1], intervals[:, 2], color=color, alpha=0.2)
    for at, values in zip(x, groups, strict=True):
        axes.plot(np.full(len(values), at), np.maximum(values, least), ".", color=color, alpha=0.4)


def _curves(findings: Findings, figure: str, log: bool = False) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for n, (arm, curves) in enumerate(findings.curves.items()):
            values = np.maximum(curves[figure], _FLOOR if log else -np.inf)
            rollout = np.arange(1, values.shape[1] + 1)
            axes.plot(rollout, np.median(values, axis=0), color=PALETTE[n % len(PALETTE)], label=_LABELS[arm])
            axes.fill_between(
                rollout, values.min(axis=0), values.max(axis=0), color=PALETTE[n % len(PALETTE)], alpha=0.12
            )
        axes.set_xlabel("rollout; median and range of the seeds")
        axes.legend(fontsize=6)
        if log:
            axes.set_yscale("log")

    return draw


def _pareto(findings: Findings) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        points = {"no penalty": findings.arms["sees"]} | {
            f"penalty ×{penalty:g}": scores for penalty, scores in findings.penalties.items()
        }
        points |= {_LABELS[arm]: findings.arms[arm] for arm in ("blind", "heuristic")}
        for n, (label, scores) in enumerate(points.items()):
            color = PALETTE[n % len(PALETTE)]
            conflict, needs = np.maximum(scores[CONFLICT], _FLOOR), scores[NEEDS]
            axes.plot(conflict, needs, ".", color=color, alpha=0.4)
            middle = iqm_interval(scores[CONFLICT]), iqm_interval(scores[NEEDS])
            axes.plot([max(middle[0].estimate, _FLOOR)], [middle[1].estimate], "D", color=color, label=label)
        axes.set_xscale("log")
        axes.set_xlabel(f"{METRICS[CONFLICT].label} {METRICS[CONFLICT].unit}")
        axes.set_ylabel("needs")
        axes.legend(fontsize=6)

    return draw
