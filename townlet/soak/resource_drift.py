"""Tests of what is measured rather than computed: memory, speed, open files. They have only their own past.

Neighbouring cycles resemble each other, because the machine stays busy or idle for a while. The tests count fewer
cycles accordingly: as many as would be independent if the residuals were autoregressive of order 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from townlet.statistics.change import FEWEST, Finding, Series
from townlet.statistics.welch import CONFIDENCE


@dataclass(frozen=True, slots=True)
class Resource:
    """What of a resource would be harm: ``direction`` 1 if it grows, -1 if it falls, by more than ``margin`` of its
    level at the start."""

    name: str
    direction: int
    margin: float
    unit: str


#: What is watched. Below the margin a change is none: caches fill, allocators round up.
RESOURCES = (
    Resource("resident_memory_bytes", 1, 0.02, "bytes"),
    Resource("open_files", 1, 0.10, "files"),
    Resource("agent_steps_per_yardstick", -1, 0.05, "agent-steps"),
    Resource("log_bytes_per_cycle", 1, 0.20, "bytes"),
)


#: Degrees of freedom that the test of a steady change has at least. Values about a straight line may resemble each
#: other so much that none would be left, and a plain leak with them; with four, only what is dozens of standard errors
#: large is found.
_LEAST_DEGREES = 4.0

#: Fewest cycles of a quarter of which harm is claimed. Noise that wanders off slowly (an autocorrelation of 0.8 to
#: 0.95) looks like a change in 0.3 to 0.5 % of runs with shorter ones.
_SHORTEST_QUARTER = 12


@dataclass(frozen=True, slots=True)
class Quarters:
    """The last quarter of a run beside the first: means, and the change with its 90 % interval.

    ``equal`` says that the interval lies within the margin, which is the two one-sided tests' way of showing
    equivalence at 5 % (Schuirmann 1987). ``course`` is the change over the run by least squares with its 95 % interval;
    None with too few effective cycles to have one.
    """

    first: float
    last: float
    low: float
    high: float
    equal: bool
    course: Finding | None = None


def growth(values: Series, cycle: NDArray[np.int64], process: NDArray[np.int64], resource: Resource) -> Finding | None:
    """Whether a resource changes steadily, to the bad, by more than its margin over the run.

    Least squares with a level for each process and one slope; standard error and degrees of freedom by the effective
    number of cycles, a cautious one in short runs (Santer et al. 2000, "Statistical significance of trends", eq. 4 to
    6). The test is against the margin, not against 0 (a minimum-effect test, Murphy and Myors 1999). None where each
    process did but one cycle.
    """
    levels = np.equal.outer(process, np.unique(process)).astype(np.float64)
    design = np.column_stack([cycle - cycle.mean(), levels])
    solution, *_ = np.linalg.lstsq(design, values, rcond=None)
    residuals = values - design @ solution
    run = float(np.ptp(cycle))
    effect = float(solution[0]) * run
    effective = effective_number(residuals, cautious=len(values) < 4 * _SHORTEST_QUARTER)
    degrees = max(effective - design.shape[1], _LEAST_DEGREES)
    # What of the cycle's number the levels do not explain.
    own = design[:, 0] - levels @ (levels.T @ design[:, 0] / levels.sum(axis=0))
    if own @ own <= 0:
        return None
    error = run * math.sqrt(float(residuals @ residuals) / degrees / float(own @ own))
    return _judged("trend", effect, error, degrees, margin_of(values, resource), resource.direction)


def last_against_first(values: Series, resource: Resource) -> tuple[Finding, Quarters] | None:
    """Whether the last quarter is worse than the first by more than the margin, and whether they are equal within it.

    Student's t with the effective number of cycles in each quarter (Zwiers and von Storch 1995, eq. 7), by how much
    neighbours resemble each other within the quarters: a jump between them is no resemblance. Nor is harm claimed
    while the quarters overlap by more than a tenth, or of quarters too short to tell how much neighbours resemble each
    other. None if a quarter has too few to be compared at all.
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
    finding = _judged("last quarter", effect, error, degrees, margin, resource.direction)
    if quarter < _SHORTEST_QUARTER or not _apart(first, last, resource.direction):
        finding = replace(finding, p=1.0)
    half = _quantile(0.95, degrees) * error
    equal = -margin <= effect - half and effect + half <= margin
    return finding, Quarters(float(first.mean()), float(last.mean()), effect - half, effect + half, equal)


def _apart(first: Series, last: Series, direction: int) -> bool:
    """Whether nine in ten cycles of the last quarter are worse than nine in ten of the first.

    Where a machine is busy by fits and starts, the few spells of a run make means differ by chance more than any
    autocorrelation measured within a quarter can tell.
    """
    return float(np.quantile(direction * last, 0.1)) > float(np.quantile(direction * first, 0.9))


def margin_of(values: Series, resource: Resource) -> float:
    """The harmless change, in the resource's unit: its share of the first quarter's mean."""
    return resource.margin * abs(float(values[: max(len(values) // 4, 1)].mean()))


def effective_number(*residuals: Series, cautious: bool = False) -> float:
    """How many independent values carry as much as these do: n (1 − r) / (1 + r), r the first autocorrelation.

    r is taken over all of the series, each with mean 0; it is corrected for its bias, (1 + 4 r) / n (Kendall 1954), n
    the length of one, and never counts below 0. A ``cautious`` number is that of the upper end of r's 90 % interval
    (Bartlett 1946): a few values cannot tell noise that returns to its mean from noise that wanders off.
    """
    n, power = sum(map(len, residuals)), sum(float(one @ one) for one in residuals)
    if power == 0:
        return float(n)
    r = sum(float(one[1:] @ one[:-1]) for one in residuals) / power
    error = 1.645 * math.sqrt(max(1 - r * r, 0.0) / n) if cautious else 0.0
    r = min(max(r + (1 + 4 * r) * len(residuals) / n + error, 0.0), 0.99)
    return n * (1 - r) / (1 + r)


def _judged(test: str, effect: float, error: float, degrees: float, margin: float, direction: int) -> Finding:
    """A finding whose probability is that of harm as large, were the true change at the margin."""
    from scipy.stats import t  # type: ignore[import-untyped]

    half = _quantile((1 + CONFIDENCE) / 2, degrees) * error
    beyond = direction * effect - margin
    p = float(t.sf(beyond / error, degrees)) if error else float(beyond <= 0)
    return Finding(test, effect, effect - half, effect + half, p)


def _quantile(share: float, degrees: float) -> float:
    from scipy.stats import t

    return float(t.ppf(share, degrees))


def judge_resource(
    values: Series, process: NDArray[np.int64], resource: Resource
) -> tuple[list[Finding], Quarters | None]:
    """All that can be said of one resource; ``values`` float64 [N], NaN where nothing was measured, ``process`` int64
    [N]. Nothing is found where too few cycles were measured.
    """
    known = np.isfinite(values)
    cycle, values, process = np.flatnonzero(known), values[known], process[known]
    if len(values) < 2 * FEWEST:
        return [], None
    extent, slope = float(np.ptp(values)), growth(values, cycle, process, resource)
    if extent <= margin_of(values, resource):
        # However it went, it cannot have changed by more than this.
        quarter = len(values) // 4
        first, last = float(values[:quarter].mean()), float(values[-quarter:].mean())
        within = Finding("range", last - first, -extent, extent, 1.0)
        return [within], Quarters(first, last, -extent, extent, True, slope)
    compared = last_against_first(values, resource)
    findings = [finding for finding in (slope, compared[0] if compared else None) if finding]
    return findings, replace(compared[1], course=slope) if compared else None
