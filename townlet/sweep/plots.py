"""Plots of a sweep: scores in order, by each setting, how much each matters, and the confirmation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from townlet.statistics.over_seeds import interquartile_mean
from townlet.sweep.confirm import Confirmation
from townlet.sweep.distributions import Choices
from townlet.sweep.records import TrialRecord
from townlet.sweep.results import SweepResult
from townlet.sweep.wording import short_keys, words_of
from townlet.view.style import INK, PALETTE, Plot, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SCORED, _PRUNED, _BEST = PALETTE[0], PALETTE[7], PALETTE[1]
#: Most settings that are plotted, in the order of the file.
_MOST = 10


def sweep_png(result: SweepResult, importances: Mapping[str, float]) -> bytes:
    """All plots of a sweep as one image."""
    plots = [Plot("Trials in order", "score by trial", lambda axes: _history(axes, result))]
    if result.confirmation is not None:
        plots.append(Plot("Confirmation, fresh seeds", "scores by seed", _confirmation(result, result.confirmation)))
    if importances:
        plots.append(Plot("Importance", "share by setting", lambda axes: _importances(axes, result, importances)))
    names = short_keys(result.space.settings)
    plots += [
        Plot(names[key], f"score by {names[key]}", _by_setting(result, key))
        for key in list(result.space.settings)[:_MOST]
    ]
    return png(plots, columns=3)


def _history(axes: Axes, result: SweepResult) -> None:
    scored = [record for record in result.records if record.score is not None]
    pruned = [record for record in result.records if record.state == "pruned" and record.reports]
    best: list[float] = []
    for record in scored:
        score = float(record.score or 0.0)
        best.append(max([score, *best[-1:]], key=lambda value: result.options.sign * value))
    axes.plot(
        [one.number for one in pruned],
        [one.reports[-1].value for one in pruned],
        "x",
        color=_PRUNED,
        label="pruned, when stopped",
    )
    axes.plot([one.number for one in scored], _scores(scored), "o", color=_SCORED, label="finished")
    axes.plot([one.number for one in scored], best, drawstyle="steps-post", color=_BEST, label="best so far")
    if result.default is not None and result.default.score is not None:
        axes.axhline(result.default.score, color=INK, linestyle=":", linewidth=1.0, label="the scenario's own")
    axes.set_xlabel("trial")
    axes.set_ylabel(result.options.measured.label)
    _ignore_outliers(axes, _scores(scored))
    axes.legend(fontsize=7)


def _scores(scored: Sequence[TrialRecord]) -> list[float]:
    return [float(record.score or 0.0) for record in scored]


def _ignore_outliers(axes: Axes, values: list[float]) -> None:
    """Let the axis show the middle of the scores, and cut off those far away from it."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    far = 6.0 * (high - low)
    if far > 0.0:
        shown = [value for value in values if abs(value - middle) <= far]
        margin = 0.08 * max(max(shown) - min(shown), 1e-12)
        axes.set_ylim(min(shown) - margin, max(shown) + margin)


def _by_setting(result: SweepResult, key: str) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        distribution = result.space.settings[key]
        scored = [record for record in result.records if record.score is not None]
        labels = [words_of(value) for value in distribution.values] if isinstance(distribution, Choices) else None

        def place(value: Any) -> float:
            return float(labels.index(words_of(value))) if labels else float(value)

        axes.plot([place(one.settings[key]) for one in scored], _scores(scored), "o", color=_SCORED)
        axes.plot(
            [place(result.best.settings[key])], [float(result.best.score or 0.0)], "*", color=_BEST, markersize=13
        )
        if labels:
            axes.set_xticks(range(len(labels)), labels)
        elif getattr(distribution, "log", False):
            axes.set_xscale("log")
        if distribution.holds(result.space.default[key]):
            axes.axvline(place(result.space.default[key]), color=INK, linestyle=":", linewidth=1.0)
        axes.set_ylabel(result.options.measured.label)
        _ignore_outliers(axes, _scores(scored))

    return draw


def _importances(axes: Axes, result: SweepResult, importances: Mapping[str, float]) -> None:
    names = short_keys(result.space.settings)
    keys = list(importances)[:_MOST][::-1]
    axes.barh([names[key] for key in keys], [importances[key] for key in keys], color=_SCORED)
    axes.set_xlabel("share")


def _confirmation(result: SweepResult, confirmation: Confirmation) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        arms = ((f"trial {result.best.number}", confirmation.best, _BEST), ("default", confirmation.default, _SCORED))
        for index, (_, scores, color) in enumerate(arms):
            found = interquartile_mean(scores)
            low = found.value if found.low is None else found.low
            high = found.value if found.high is None else found.high
            # Seeds side by side, so that equal scores do not hide each other.
            spread = np.linspace(-0.15, 0.15, len(scores)) if len(scores) > 1 else np.zeros(1)
            axes.plot(index + spread, scores, "o", color=color, alpha=0.45, markersize=4)
            axes.errorbar(
                [index + 0.25],
                [found.value],
                [[max(0.0, found.value - low)], [max(0.0, high - found.value)]],
                fmt="D",
                color=color,
                capsize=4,
            )
        axes.set_xticks(range(len(arms)), [name for name, _, _ in arms])
        axes.set_xlim(-0.5, len(arms) - 0.5)
        axes.set_ylabel(result.options.measured.label)

    return draw
