"""Plots of a soak: each metric cycle by cycle, with the baseline's band where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from townlet.metrics import capitalized
from townlet.soak.assessment import MetricAssessment
from townlet.soak.broken_bounds import BrokenBound
from townlet.soak.drift_detection import REFERENCE
from townlet.soak.evidence import Evidence, metrics_of, resources_of
from townlet.soak.manifest import LOG_NAME
from townlet.soak.units import unit_of
from townlet.soak.wording import label_of
from townlet.statistics.change import Series
from townlet.telemetry.formatting import count
from townlet.telemetry.reader import read_log
from townlet.view.style import PALETTE, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Quantiles of the baseline's seeds that bound its band.
BAND = (0.05, 0.95)
_WORST = "worst epoch of each cycle"
_CHANGED = ("alert", "watch")
_ORDER = (*_CHANGED, "steady", "learned", "not enough data")


def soak_plots(evidence: Evidence) -> list[Plot]:
    """Plots of every broken bound, and of every metric that is not constant: those that changed first, resources last.

    A metric that raised an alert comes before the bounds.
    """
    soak, baseline = evidence.soak, evidence.baseline.samples()
    cycles, resources = metrics_of(soak.cycles), resources_of(soak.resources)
    alerts, others = list[Plot](), list[Plot]()
    for metric in sorted(evidence.assessment.metrics, key=_place):
        if metric.role == "resource":
            values, band_of = resources[metric.name], None
        elif metric.role == "reference":
            values, band_of = cycles.get(REFERENCE + metric.name, np.empty(0)), baseline[metric.name]
        else:
            values, band_of = cycles[metric.name], None
        known = values[np.isfinite(values)]
        if len(known) and (np.ptp(known) or metric.verdict in _CHANGED):
            (alerts if metric.verdict == "alert" else others).append(_plot(metric, values, band_of))
    return [*alerts, *_bound_plots(evidence), *others]


def _bound_plots(evidence: Evidence) -> list[Plot]:
    """A plot of each bound that was broken: the worst epoch of every cycle, from the training log."""
    bounds = [bound for bound in evidence.bounds if bound.bound is not None]
    if not bounds:
        return []
    soak = evidence.soak
    records = [line.record for line in read_log(soak.folder / LOG_NAME).lines if line.record is not None]
    return [_bound_plot(bound, bound.worst(records, soak.cycles["last_epoch"])) for bound in bounds]


def _bound_plot(bound: BrokenBound, values: Series) -> Plot:
    """The worst value of each cycle, the bound as a line, and the cycles beyond it marked."""
    limit = bound.bound
    assert limit is not None
    title = f"{capitalized(bound.label)}: bound broken"
    alt = f"{title} in {len(bound.cycles)} of {count(bound.of, 'cycle')}: {bound.sentence}"
    beyond = np.array(bound.cycles)

    def draw(axes: Axes) -> None:
        axes.plot(np.arange(1, len(values) + 1), values, color=PALETTE[0], marker=".", linewidth=1.0, label=_WORST)
        axes.plot(beyond, values[beyond - 1], color=PALETTE[1], linestyle="", marker="x", label="beyond the bound")
        axes.axhline(limit, color=PALETTE[1], linestyle="--", linewidth=1.4, label=f"bound {limit:g}")
        _finish(axes, bound.unit)

    return Plot(title, alt, draw)


def _place(metric: MetricAssessment) -> tuple[int, bool]:
    """Sort key of a metric's plot."""
    first = metric.verdict in _CHANGED
    return _ORDER.index(metric.verdict) if first or metric.role != "resource" else len(_ORDER), metric.role == "network"


def _plot(metric: MetricAssessment, values: Series, baseline: Series | None) -> Plot:
    known = values[np.isfinite(values)]
    label = label_of(metric)
    title = f"{capitalized(label)}: {metric.verdict}"
    unit = unit_of(metric.name)
    least, most = unit.shown(float(known.min())), unit.shown(float(known.max()))
    alt = f"{title}; {least} to {most} over {count(len(known), 'cycle')}"
    decisive = metric.decisive() if metric.verdict in _CHANGED else None
    marked = decisive.finding.cycle if decisive else -1
    if baseline is not None:
        low, high = (float(bound) for bound in np.quantile(baseline, BAND))
        alt += f"; the baseline's middle 90 % lie between {unit.shown(low)} and {unit.shown(high)}"

    def draw(axes: Axes) -> None:
        if baseline is not None:
            axes.axhspan(low / unit.size, high / unit.size, color=PALETTE[2], alpha=0.2, label="baseline, middle 90 %")
            axes.axhline(float(baseline.mean()) / unit.size, color=PALETTE[2], linewidth=1.0)
        color = PALETTE[1] if metric.verdict in _CHANGED else PALETTE[0]
        numbers = np.arange(1, len(values) + 1)
        axes.plot(numbers, values / unit.size, color=color, marker=".", linewidth=1.0, label="soak")
        if marked >= 0:
            axes.axvline(marked + 1, color=PALETTE[3], linestyle="--", linewidth=1.0)
        _finish(axes, unit.name)

    return Plot(title, alt, draw)


def _finish(axes: Axes, unit: str) -> None:
    """Label the axes, with whole cycles, and leave room for the legend."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("cycle")
    axes.set_ylabel(unit, fontsize=7)
    axes.margins(y=0.25)
    axes.legend(fontsize=7, ncols=3, loc="upper left")
