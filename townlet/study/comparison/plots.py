"""Plots of a comparison: scores of all runs, their learning curves, and profiles of their scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from townlet.metrics import CONFLICT_INTENSITY, METRICS, REWARD
from townlet.statistics.over_seeds import performance_profile
from townlet.study.several_seeds.plots import draw_row, label_rows
from townlet.view.style import PALETTE, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Points of a profile.
_LEVELS = 101


def comparison_plots(result: Mapping[str, Any]) -> list[Plot]:
    """Rewards and conflicts of all runs, and of those with several seeds the curves and the profiles of the reward."""
    plots = [
        Plot(
            f"{METRICS[name].title} in unseen worlds",
            f"{METRICS[name].heading}: each policy, and the interquartile mean of seeds with its 95 % interval",
            _scores(result, name),
        )
        for name in (REWARD, CONFLICT_INTENSITY)
        if name in result["metrics"]
    ]
    several = [run for run in result["runs"] if run["seeds"] > 1]
    if any(run["curves"] for run in several):
        title = f"{METRICS[REWARD].title} in training"
        plots.append(Plot(title, f"{title}: interquartile means over seeds with 95 % intervals", _curves(result)))
    if several:
        title = "Share of seeds above a reward"
        plots.append(Plot(title, f"{title}, with 95 % intervals", _profiles(result)))
    return plots


def _scores(result: Mapping[str, Any], name: str) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        names = labels(result["runs"])
        for row, run in enumerate(result["runs"]):
            draw_row(axes, row, run["scores"][name], run["interquartile_means"][name], PALETTE[row % len(PALETTE)])
        for who, means in result["behaviors"].items():
            axes.plot([means[name]], [len(names)], "D", color="#7f7f7f", markersize=5)
            names.append(who)
        label_rows(axes, names, METRICS[name].heading)

    return draw


def _curves(result: Mapping[str, Any]) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for row, (label, run) in enumerate(zip(labels(result["runs"]), result["runs"], strict=True)):
            if not run["curves"]:
                continue
            band, rollouts, color = run["curves"][REWARD], run["curves"]["rollout"], PALETTE[row % len(PALETTE)]
            if band["low"] is not None:
                axes.fill_between(rollouts, band["low"], band["high"], color=color, alpha=0.2, linewidth=0)
            axes.plot(rollouts, band["value"], color=color, label=label)
        axes.set_xlabel("rollout")
        axes.set_ylabel(METRICS[REWARD].unit)
        axes.legend(fontsize=7)

    return draw


def _profiles(result: Mapping[str, Any]) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        every = np.concatenate([run["scores"][REWARD] for run in result["runs"]])
        margin = 0.05 * (np.ptp(every) or 1.0)
        levels = np.linspace(every.min() - margin, every.max() + margin, _LEVELS)
        for row, (label, run) in enumerate(zip(labels(result["runs"]), result["runs"], strict=True)):
            color = PALETTE[row % len(PALETTE)]
            if run["seeds"] == 1:
                axes.axvline(run["scores"][REWARD][0], color=color, linestyle="--", label=label)
                continue
            profile = performance_profile(run["scores"][REWARD], levels)
            assert profile.low is not None and profile.high is not None, "there are several seeds"
            axes.fill_between(levels, profile.low, profile.high, color=color, alpha=0.15, linewidth=0)
            axes.plot(levels, profile.value, color=color, label=label, drawstyle="steps-post")
        axes.set_xlabel(METRICS[REWARD].heading)
        axes.set_ylabel("share of seeds")
        axes.legend(fontsize=7)

    return draw


def labels(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Short names: the last part of each path, or the whole where these are alike."""
    short = [Path(run["name"]).name or str(run["name"]) for run in runs]
    return [one if short.count(one) == 1 else str(run["name"]) for one, run in zip(short, runs, strict=True)]
