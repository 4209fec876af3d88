"""Plots of a soak: each metric cycle by cycle, with the baseline's band where it has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from townlet.metrics import METRICS, capitalized
from townlet.soak.assessment import MetricAssessment
from townlet.soak.drift_detection import REFERENCE
from townlet.soak.verdict import label_of
from townlet.statistics.change import Series
from townlet.telemetry.formatting import count, number
from townlet.view.style import PALETTE, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Quantiles of the baseline's seeds that bound its band.
BAND = (0.05, 0.95)
_CHANGED = ("alert", "watch")
_ORDER = (*_CHANGED, "steady", "learned", "not enough data")


def soak_plots(
    metrics: Sequence[MetricAssessment],
    cycles: Mapping[str, Series],
    baseline: Mapping[str, Series],
    resources: Mapping[str, Series],
) -> list[Plot]:
    """A plot of every metric that is not constant: those that changed first, resources last."""
    plots = []
    for metric in sorted(metrics, key=_place):
        if metric.role == "resource":
            values, band_of = resources[metric.name], None
        elif metric.role == "reference":
            values, band_of = cycles.get(REFERENCE + metric.name, np.empty(0)), baseline[metric.name]
        else:
            values, band_of = cycles[metric.name], None
        known = values[np.isfinite(values)]
        if len(known) and (np.ptp(known) or metric.verdict in _CHANGED):
            plots.append(_plot(metric, values, band_of))
    return plots


def _place(metric: MetricAssessment) -> tuple[int, bool]:
    """Sort key of a metric's plot."""
    first = metric.verdict in _CHANGED
    return _ORDER.index(metric.verdict) if first or metric.role != "resource" else len(_ORDER), metric.role == "network"


def _plot(metric: MetricAssessment, values: Series, baseline: Series | None) -> Plot:
    known = values[np.isfinite(values)]
    label = label_of(metric)
    title = f"{capitalized(label)}: {metric.verdict}"
    alt = f"{title}; {number(float(known.min()))} to {number(float(known.max()))} over {count(len(known), 'cycle')}"
    decisive = metric.decisive() if metric.verdict in _CHANGED else None
    marked = decisive.finding.cycle if decisive else -1
    if baseline is not None:
        low, high = (float(bound) for bound in np.quantile(baseline, BAND))
        alt += f"; the baseline's middle 90 % lie between {number(low)} and {number(high)}"

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        if baseline is not None:
            axes.axhspan(low, high, color=PALETTE[2], alpha=0.2, label="baseline, middle 90 %")
            axes.axhline(float(baseline.mean()), color=PALETTE[2], linewidth=1.0)
        color = PALETTE[1] if metric.verdict in _CHANGED else PALETTE[0]
        axes.plot(np.arange(1, len(values) + 1), values, color=color, marker=".", linewidth=1.0, label="soak")
        if marked >= 0:
            axes.axvline(marked + 1, color=PALETTE[3], linestyle="--", linewidth=1.0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("cycle")
        axes.set_ylabel(METRICS[metric.name].unit if metric.name in METRICS else "", fontsize=7)
        axes.margins(y=0.25)
        axes.legend(fontsize=7, ncols=2, loc="upper left")

    return Plot(title, alt, draw)
