"""Plots of several seeds: learning curves with a band, and the scores of all policies beside other behaviours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from townlet.metrics import CONFLICT_INTENSITY, METRICS, REWARD
from townlet.view.style import PALETTE, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colours of the other behaviours' lines.
_OTHERS = {"scripted": PALETTE[1], "heuristic": PALETTE[2], "random": PALETTE[7]}


def seeds_plots(results: Mapping[str, Any]) -> list[Plot]:
    """Curves of reward and conflict, as far as there are rollouts, and the final scores in both."""
    plots = [
        Plot(
            f"{METRICS[name].title} in training",
            f"{METRICS[name].heading}, over rollouts: interquartile mean of {len(results['seeds'])} seeds with its "
            "95 % interval, and each seed",
            _curve(results["curves"], name),
        )
        for name in (REWARD, CONFLICT_INTENSITY)
        if name in results["curves"]
    ]
    return plots + [
        Plot(
            f"{METRICS[name].title} in unseen worlds",
            f"{METRICS[name].heading}: every seed's policy, their interquartile mean with its 95 % interval, and other "
            "behaviours",
            _scores(results, name),
        )
        for name in (REWARD, CONFLICT_INTENSITY)
        if name in results["metrics"]
    ]


def _curve(curves: Mapping[str, Any], name: str) -> Callable[[Axes], None]:
    band = curves[name]

    def draw(axes: Axes) -> None:
        rollouts = curves["rollout"]
        marker = "." if len(rollouts) < 3 else ""
        for own in band["seeds"]:
            axes.plot(rollouts, own, color=PALETTE[0], alpha=0.25, linewidth=0.8, marker=marker)
        if band["low"] is not None:
            axes.fill_between(rollouts, band["low"], band["high"], color=PALETTE[0], alpha=0.25, linewidth=0)
        axes.plot(rollouts, band["value"], color=PALETTE[0], linewidth=2.0, marker=marker, label="IQM, 95 % interval")
        axes.set_xlabel("rollout")
        axes.set_ylabel(METRICS[name].unit)
        axes.legend(fontsize=7)

    return draw


def _scores(results: Mapping[str, Any], name: str) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        values = [each["scores"][name] for each in results["seeds"]]
        draw_row(axes, 0, values, results["interquartile_means"][name], PALETTE[0])
        labels = [f"{len(values)} seeds" if len(values) > 1 else "1 seed"]
        for row, (other, means) in enumerate(results["behaviors"].items(), start=1):
            axes.plot([means[name]], [row], "D", color=_OTHERS.get(other, PALETTE[6]), markersize=6)
            labels.append(other)
        label_rows(axes, labels, METRICS[name].heading)

    return draw


def draw_row(axes: Axes, row: float, values: Sequence[float], estimate: Mapping[str, Any], color: str) -> None:
    """Draw a row of scores: a dot for each seed, the statistic as a bar, and its interval as a thick line."""
    offsets = np.linspace(-0.18, 0.18, len(values)) if len(values) > 1 else np.zeros(1)
    axes.plot(values, row + offsets, "o", color=color, alpha=0.5, markersize=4)
    if estimate["low"] is not None:
        axes.plot([estimate["low"], estimate["high"]], [row, row], color=color, linewidth=5, alpha=0.45)
    axes.plot([estimate["value"]], [row], "|", color=color, markersize=18, markeredgewidth=2.4)


def label_rows(axes: Axes, labels: Sequence[str], unit: str) -> None:
    """Name the rows from the top down, and the axis below."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlabel(unit)
