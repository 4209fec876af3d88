"""Drift of resources: memory, speed, open files and log size, which have no baseline but their own past.

Neighbouring cycles resemble each other, because a machine stays busy or idle for a while. So the tests count fewer
cycles than there are: as many as would be independent if the residuals were autoregressive of order 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.metrics import MEMORY, METRICS, SPEED
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

#: Fewest degrees of freedom of the trend's test. Values about a straight line may resemble each other so much that none
#: would be left, and a plain leak would be missed; with four, only changes of dozens of standard errors are found.
_LEAST_DEGREES = 4.0

#: Fewest cycles of a quarter for which harm is claimed. With shorter ones, noise that wanders slowly (an
#: autocorrelation of 0.8 to 0.95) looks like a change in 0.3 to 0.5 % of runs.
_SHORTEST_QUARTER = 12


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
    1987)."""
    trend: Finding | None = None
    """Change over the run by least squares with its 95 % interval; None with too few effective cycles."""

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
    if len(values) < 2 * FEWEST:
        return [], None
    extent, slope = float(np.ptp(values)), growth(values, cycle, process, resource)
    if extent <= margin_of(values, resource):
        # All values lie within the margin of each other, so no change can exceed it.
        quarter = len(values) // 4
        first, last = float(values[:quarter].mean()), float(values[-quarter:].mean())
        within = Finding("range", last - first, -extent, extent, 1.0)
        return [within], Quarters(first, last, -extent, extent, True, slope)
    compared = last_against_first(values, resource)
    findings = [finding for finding in (slope, compared[0] if compared else None) if finding]
    return findings, replace(compared[1], trend=slope) if compared else None


def growth(values: Series, cycle: NDArray[np.int64], process: NDArray[np.int64], resource: Resource) -> Finding | None:
    """Whether a resource worsens steadily by more than its margin over the run; None if no process did two cycles.

    Least squares with a level for each process and one slope. Standard error and degrees of freedom use the
    effective number of cycles, a cautious one in short runs (Santer et al. 2000, "Statistical significance of trends",
    eq. 4 to 6). The test is against the margin, not against 0 (a minimum-effect test, Murphy and Myors 1999).

    Args:
        values: float64 [N], the measured values.
        cycle: int64 [N], the cycle of each.
        process: int64 [N], the process of each.
        resource: which resource it is.
    """
    levels = np.equal.outer(process, np.unique(process)).astype(np.float64)
    design = np.column_stack([cycle - cycle.mean(), levels])
    solution, *_ = np.linalg.lstsq(design, values, rcond=None)
    residuals = values - design @ solution
    run = float(np.ptp(cycle))
    effect = float(solution[0]) * run
    effective = effective_number(residuals, cautious=len(values) < 4 * _SHORTEST_QUARTER)
    degrees = max(effective - design.shape[1], _LEAST_DEGREES)
    # The part of the cycle's number that the levels do not explain.
    own = design[:, 0] - levels @ (levels.T @ design[:, 0] / levels.sum(axis=0))
    if own @ own <= 0:
        return None
    error = run * math.sqrt(float(residuals @ residuals) / degrees / float(own @ own))
    return _harm_test("trend", effect, error, degrees, margin_of(values, resource), resource)


def last_against_first(values: Series, resource: Resource) -> tuple[Finding, Quarters] | None:
    """Whether the last quarter is worse than the first by more than the margin, and whether they are equal within it.

    Student's t with the effective number of cycles in each quarter (Zwiers and von Storch 1995, eq. 7). The
    autocorrelation is taken within the quarters, so that a jump between them does not count as resemblance. No harm is
    claimed while the quarters overlap by more than a tenth, or while they are too short for a sound autocorrelation.
    None if a quarter has too few cycles to be compared at all.
    """
    quarter = len(values) // 4
    if quarter < 4:
        return None
    first, last = values[:quarter], values[-quarter:]
    each = min(effective_number(first - first.mean(), last - last.mean(), cautious=True) / 2, float(quarter))
    degrees = 2 * each - 2
    if degrees < 2:
        return None
    error = math.sqrt((float(first.var(ddof=1)) + float(last.var(ddof=1))) / each)
    effect, margin = float(last.mean() - first.mean()), margin_of(values, resource)
    finding = _harm_test("last quarter", effect, error, degrees, margin, resource)
    if quarter < _SHORTEST_QUARTER or not _apart(first, last, resource.harm):
        finding = replace(finding, p=1.0)
    half = _quantile(0.95, degrees) * error
    equal = -margin <= effect - half and effect + half <= margin
    return finding, Quarters(float(first.mean()), float(last.mean()), effect - half, effect + half, equal)


def _apart(first: Series, last: Series, harm: int) -> bool:
    """Whether all but the best tenth of the last quarter are worse than all but the worst tenth of the first.

    If a machine is busy in a few spells, means differ by chance more than the autocorrelation within a quarter
    suggests.
    """
    return float(np.quantile(harm * last, 0.1)) > float(np.quantile(harm * first, 0.9))


def margin_of(values: Series, resource: Resource) -> float:
    """The largest harmless change in the resource's unit: its share of the first quarter's mean."""
    return resource.margin * abs(float(values[: max(len(values) // 4, 1)].mean()))


def effective_number(*residuals: Series, cautious: bool = False) -> float:
    """How many independent values carry as much information: n (1 − r) / (1 + r), r the first autocorrelation.

    r is taken over all series, each of mean 0. It is corrected for its bias, (1 + 4 r) / n (Kendall 1954), with n the
    length of one, and never counts below 0. If ``cautious``, r is the upper end of its 90 % interval
    (Bartlett 1946): a few values cannot tell noise that returns to its mean from noise that wanders off.
    """
    n, power = sum(map(len, residuals)), sum(float(one @ one) for one in residuals)
    if power == 0:
        return float(n)
    r = sum(float(one[1:] @ one[:-1]) for one in residuals) / power
    error = 1.645 * math.sqrt(max(1 - r * r, 0.0) / n) if cautious else 0.0
    r = min(max(r + (1 + 4 * r) * len(residuals) / n + error, 0.0), 0.99)
    return n * (1 - r) / (1 + r)


def _harm_test(test: str, effect: float, error: float, degrees: float, margin: float, resource: Resource) -> Finding:
    """A finding with the probability of an effect as harmful if the true change were at the margin.

    Args:
        test: name of the test.
        effect: estimated change.
        error: its standard error.
        degrees: its degrees of freedom.
        margin: largest harmless change.
        resource: the resource, which says what harm is.
    """
    from scipy.stats import t  # type: ignore[import-untyped]

    half = _quantile((1 + CONFIDENCE) / 2, degrees) * error
    beyond = resource.harm * effect - margin
    p = float(t.sf(beyond / error, degrees)) if error else float(beyond <= 0)
    return Finding(test, effect, effect - half, effect + half, p)


def _quantile(share: float, degrees: float) -> float:
    from scipy.stats import t

    return float(t.ppf(share, degrees))
