"""Drift of resources: memory, speed, open files and log size, which have no baseline but their own past.

Neighbouring cycles resemble each other, because a machine stays busy or idle for a while. Nobody knows how much, so
every statement holds for all autocorrelations that the cycles leave plausible.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.metrics import MEMORY, METRICS, SPEED
from townlet.statistics.autocorrelated import effect_of
from townlet.statistics.change import FEWEST, Finding, Series
from townlet.statistics.welch import CONFIDENCE


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that is tested, by the name of its metric, and how much it may worsen."""

    name: str
    margin: float
    """Largest harmless change, as a share of the level at the start."""

    @property
    def harm(self) -> int:
        """Direction of harm: 1 for a resource that may not grow, -1 for one that may not fall."""
        return -1 if METRICS[self.name].more_is_better else 1


#: The resources that are tested. Changes within the margin are harmless: caches fill, and allocators round up.
RESOURCES = (
    Resource(MEMORY, 0.02),
    Resource("open_files", 0.10),
    Resource(SPEED, 0.05),
    Resource("log_bytes_per_cycle", 0.20),
)

#: Fewest cycles in which a resource that is tested was measured.
FEWEST_MEASURED = 2 * FEWEST
#: Neighbours on either side whose median says what is usual for a cycle, and the distance from it above which a value
#: is an outlier, in median distances: 1.5 standard deviations of normal values.
_NEIGHBOURS, _FAR = 5, 1.5 * 1.4826
#: A resource can be told if the intervals of its tests exclude harm above this many margins.
_TELLING = 4.0


@dataclass(frozen=True, slots=True)
class Quarters:
    """The first and the last quarter of a run, compared."""

    first: float
    """Mean of the first quarter."""
    last: float
    """Mean of the last quarter."""
    low: float
    """Lower bound of the change's 90 % interval."""
    high: float
    equal: bool
    """Whether that interval lies within the margin, which shows equivalence at 5 % by two one-sided tests (Schuirmann
    1987). The interval allows for a jump between quarters as well as for a steady change."""
    told: bool
    """Whether the cycles can tell harm from noise: whether the intervals of both tests exclude harm above four
    margins."""
    trend: Finding | None = None
    """Change over the run by least squares with its 95 % interval; None if no process did two cycles."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "first": self.first,
            "last": self.last,
            "change_interval_90": [self.low, self.high],
            "shown_equal_within_margin": self.equal,
            "change_over_run": None if self.trend is None else [self.trend.effect, self.trend.low, self.trend.high],
        }


def assess_resource(
    values: Series, process: NDArray[np.int64], resource: Resource
) -> tuple[list[Finding], Quarters | None]:
    """Test one resource of a soak; nothing is found where too few cycles were measured.

    Args:
        values: float64 [N], one per cycle, NaN where nothing was measured.
        process: int64 [N], the ordinal of the process that each cycle ran in.
        resource: which resource it is.
    """
    known = np.isfinite(values)
    cycle, values, process = np.flatnonzero(known), values[known], process[known]
    if len(values) < FEWEST_MEASURED:
        return [], None
    extent, values = float(np.ptp(values)), without_outliers(values)
    slope = growth(values, cycle, process, resource)
    if extent <= margin_of(values, resource):
        # All values lie within the margin of each other, so no change can exceed it.
        quarter = len(values) // 4
        first, last = float(values[:quarter].mean()), float(values[-quarter:].mean())
        within = Finding("range", last - first, -extent, extent, 1.0)
        return [within], Quarters(first, last, -extent, extent, True, True, slope)
    finding, quarters = last_against_first(values, cycle, resource)
    findings = [one for one in (slope, finding) if one is not None]
    margin = margin_of(values, resource)
    if slope is not None:
        # Quarters' middles are three quarters of the run apart; a steady change hardly shows as jumps between quarters.
        low, high = min(quarters.low, 0.75 * slope.low), max(quarters.high, 0.75 * slope.high)
        quarters = replace(quarters, low=low, high=high, trend=slope)
    equal = -margin <= quarters.low and quarters.high <= margin
    most = max(one.high if resource.harm > 0 else -one.low for one in findings)
    return findings, replace(quarters, equal=equal, told=most <= _TELLING * margin)


def without_outliers(values: Series) -> Series:
    """The series, float64 [N], with values far from the median of the eleven around them moved closer to it.

    A cycle during which something else needed the processor for a moment may be slower by half. A few such cycles make
    most of the noise of speed. Resources are never judged by single cycles, so nothing is lost (Hampel 1974's filter).
    """
    around = np.lib.stride_tricks.sliding_window_view(np.pad(values, _NEIGHBOURS, mode="reflect"), 2 * _NEIGHBOURS + 1)
    medians = np.median(around, axis=1)
    limit = _FAR * float(np.median(np.abs(values - medians)))
    return np.asarray(np.clip(values, medians - limit, medians + limit))


def growth(values: Series, cycle: NDArray[np.int64], process: NDArray[np.int64], resource: Resource) -> Finding | None:
    """Whether a resource worsens steadily by more than its margin over the run; None if no process did two cycles.

    A regression with a level for each process and one slope. The test is against the margin, not against 0 (a
    minimum-effect test, Murphy and Myors 1999).

    Args:
        values: float64 [N], the measured values.
        cycle: int64 [N], the cycle of each.
        process: int64 [N], the process of each.
        resource: which resource it is.
    """
    ordinals = np.unique(process)
    if len(ordinals) >= len(values) - 1:
        return None
    run = float(np.ptp(cycle))
    design = np.column_stack([(cycle - cycle.mean()) / run, np.equal.outer(process, ordinals)])
    effect = effect_of(values, cycle, design, np.eye(design.shape[1])[0])
    if effect is None:
        return None
    p = effect.p_beyond(margin_of(values, resource), resource.harm)
    return Finding("trend", effect.estimate, *effect.interval(CONFIDENCE), p)


def last_against_first(values: Series, cycle: NDArray[np.int64], resource: Resource) -> tuple[Finding, Quarters]:
    """Whether the last quarter is worse than the first by more than the margin, and the two compared.

    A regression with a level for each quarter, so that a jump between them does not count as resemblance. No harm is
    claimed while the quarters overlap.

    Args:
        values: float64 [N], the measured values, at least 8.
        cycle: int64 [N], the cycle of each.
        resource: which resource it is.
    """
    quarter = np.arange(len(values)) * 4 // len(values)
    effect = effect_of(values, cycle, np.equal.outer(quarter, np.arange(4)).astype(np.float64), _LAST_AGAINST_FIRST)
    assert effect is not None
    first, last = values[quarter == 0], values[quarter == 3]
    difference = float(last.mean() - first.mean())
    p = effect.p_beyond(margin_of(values, resource), resource.harm) if _apart(first, last, resource.harm) else 1.0
    finding = Finding("last quarter", difference, *_around(difference, effect.interval(CONFIDENCE)), p)
    low, high = _around(difference, effect.interval(0.90))
    return finding, Quarters(float(first.mean()), float(last.mean()), low, high, False, False)


def _around(value: float, interval: tuple[float, float]) -> tuple[float, float]:
    """The smallest interval that holds a value and another interval."""
    return min(value, interval[0]), max(value, interval[1])


_LAST_AGAINST_FIRST = np.array([-1.0, 0.0, 0.0, 1.0])


def _apart(first: Series, last: Series, harm: int) -> bool:
    """Whether all but the best tenth of the last quarter are worse than all but the worst tenth of the first.

    A machine that is busy in a few spells is no autoregressive process, and its quarters differ in their means by
    chance. Values are medians of five cycles, because a real change need not exceed the noise of single ones.
    """
    earlier, later = (_medians(harm * side) for side in (first, last))
    return float(np.quantile(later, 0.1)) > float(np.quantile(earlier, 0.9))


def _medians(values: Series) -> Series:
    """Medians of five consecutive values; the values themselves if they are fewer than ten."""
    if len(values) < 10:
        return values
    return np.asarray(np.median(values[len(values) % 5 :].reshape(-1, 5), axis=1))


def margin_of(values: Series, resource: Resource) -> float:
    """The largest harmless change in the resource's unit: its share of the first quarter's mean."""
    return resource.margin * abs(float(values[: max(len(values) // 4, 1)].mean()))
