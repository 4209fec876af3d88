"""Statistics over seeds: interquartile means, probability of improvement and profiles, by stratified bootstrap.

The method is that of Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice", as
their library ``rliable`` computes it. Scores are float64 [S, K]: one row per seed, one column per task, such as a
scenario that policies are trained and scored in. The tasks are strata: a bootstrap sample draws S seeds with
replacement, anew for each task, because runs of different tasks have nothing to do with each other. Where one policy
is scored in several towns they do, and :mod:`townlet.statistics.crossed` is right instead.

All draws come from one fixed seed, so equal scores have equal intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from townlet.statistics.bootstrap import iqm, middle_means

Scores = NDArray[np.float64]

#: Number of bootstrap samples, and the seed of their draws.
SAMPLES, SEED = 10_000, 0
#: With fewer seeds an interval is a rough guide: it is wide, and yet holds the true value less often than it says.
FEW = 5
#: Numbers that are held in memory at once.
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Estimate:
    """A statistic of one or several seeds, with its 95 % percentile interval over seeds."""

    value: float
    low: float | None
    """None where there is one seed: it says nothing about others."""
    high: float | None
    seeds: int
    """The number of seeds, the smaller one of two samples that were compared."""

    @property
    def few(self) -> bool:
        """Whether there are fewer than :data:`FEW` seeds."""
        return self.seeds < FEW

    def as_json(self) -> dict[str, Any]:
        """The estimate as a JSON object."""
        return {"value": self.value, "low": self.low, "high": self.high, "seeds": self.seeds}


@dataclass(frozen=True)
class Band:
    """Estimates at each of N points, float64 [N], with pointwise 95 % intervals; None where there is one seed."""

    value: Scores
    low: Scores | None
    high: Scores | None

    def as_json(self) -> dict[str, Any]:
        """The band as a JSON object of lists."""
        bounds = {"low": self.low, "high": self.high}
        return {
            "value": self.value.tolist(),
            **{name: None if each is None else each.tolist() for name, each in bounds.items()},
        }


def interquartile_mean(scores: ArrayLike) -> Estimate:
    """The mean of the middle half of all scores, [S] or [S, K] (Agarwal et al. 2021, section 4.3)."""
    table = as_table(scores)
    found = np.concatenate([middle_means(sample) for sample in _resampled(table)]) if len(table) > 1 else None
    return _estimate(iqm(table), found, len(table))


def probability_of_improvement(x: ArrayLike, y: ArrayLike) -> Estimate:
    """P(X > Y) for a random seed of each, ties counting half, averaged over tasks (Agarwal et al. 2021, equation 1).

    ``x`` is [S] or [S, K] and ``y`` [R] or [R, K]. What has one row is not drawn, so a fixed behaviour, such as a
    heuristic, is compared with as it is. Raises ValueError for different numbers of tasks.
    """
    first, second = as_table(x), as_table(y)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"found {first.shape[1]} and {second.shape[1]} tasks, expected as many")
    # Halves and whole numbers: every sum below is exact, so no order of summation matters.
    wins = 0.5 * (np.sign(first[:, None, :] - second[None, :, :]) + 1.0)
    sizes = [len(table) for table in (first, second) if len(table) > 1]
    found = None
    if sizes:
        ours, theirs = _counts(first, stream=1), _counts(second, stream=2)
        weighted = [
            ((ours[..., task] @ wins[..., task]) * theirs[..., task]).sum(axis=1) for task in range(wins.shape[2])
        ]
        found = np.mean(weighted, axis=0) / (len(first) * len(second))
    return _estimate(float(wins.mean()), found, min(sizes, default=1))


def rank_test(x: ArrayLike, y: ArrayLike) -> float:
    """Two-sided p-value for scores [S] and [R] of equal distributions, by ranks alone.

    With two samples it is that of Mann and Whitney 1947, exact where there are no ties. What has one row counts as a
    fixed score, and the sign test asks whether it is the median of the other. A bootstrap of few seeds is too sure of
    itself; this is not: of fewer than 4 seeds on each side no difference is significant at 5 %.
    """
    from scipy.stats import binomtest, mannwhitneyu  # type: ignore[import-untyped]

    first, second = as_table(x).ravel(), as_table(y).ravel()
    if min(len(first), len(second)) == 1:
        differences = np.subtract.outer(first, second).ravel()
        above, below = int((differences > 0).sum()), int((differences < 0).sum())
        return 1.0 if above + below == 0 else float(binomtest(above, above + below).pvalue)
    together = np.concatenate([first, second])
    if len(np.unique(together)) == 1:
        return 1.0
    method = "exact" if len(np.unique(together)) == len(together) and len(together) <= 100 else "asymptotic"
    return float(mannwhitneyu(first, second, method=method).pvalue)


def performance_profile(scores: ArrayLike, thresholds: ArrayLike) -> Band:
    """The share of scores, [S] or [S, K], above each threshold, [N] (Agarwal et al. 2021, section 4.2)."""
    levels = np.asarray(thresholds, np.float64)
    table = as_table(scores)

    def shares(samples: Scores) -> Scores:
        found: Scores = (samples.reshape(len(samples), -1, 1) > levels).mean(axis=1)
        return found

    return _band(shares(table[None])[0], table, shares, width=len(levels))


def curve(scores: ArrayLike) -> Band:
    """The interquartile mean over seeds at each of N points, such as rollouts, of curves, [S, N].

    A bootstrap sample draws whole curves, so neighbouring points have the same seeds in it.
    """
    table = as_table(scores)
    middle = np.array([iqm(column) for column in table.T])
    if len(table) == 1:
        return Band(middle, None, None)
    draws = np.random.default_rng(SEED).integers(len(table), size=(SAMPLES, len(table)))
    bounds = np.empty((2, table.shape[1]))
    step = max(1, _AT_ONCE // draws.size)
    for begin in range(0, table.shape[1], step):
        columns = table[:, begin : begin + step]
        found = np.stack([middle_means(column[draws][..., None]) for column in columns.T], axis=1)
        bounds[:, begin : begin + step] = np.quantile(found, (0.025, 0.975), axis=0)
    return Band(middle, bounds[0], bounds[1])


def few_seeds_note(seeds: int) -> str | None:
    """A sentence on what so few seeds cannot say; None for :data:`FEW` and more."""
    if seeds >= FEW:
        return None
    if seeds == 1:
        return "One seed says nothing about others, so there is no interval; train at least 5, better 10."
    return (
        f"With {seeds} seeds the intervals are a rough guide: wide, and yet too narrow more often than 1 time in 20; "
        "train at least 5, better 10."
    )


def as_table(scores: ArrayLike) -> Scores:
    """Scores as float64 [S, K]. Raises ValueError for none, and for one that is not finite."""
    table = np.asarray(scores, np.float64)
    if table.ndim == 0 or table.size == 0 or not np.isfinite(table).all():
        raise ValueError("expected at least one score, and finite ones")
    return table.reshape(len(table), -1)


def _estimate(value: float, samples: Scores | None, seeds: int) -> Estimate:
    if samples is None:
        return Estimate(value, None, None, 1)
    low, high = np.quantile(samples, (0.025, 0.975))
    return Estimate(value, float(low), float(high), seeds)


def _band(value: Scores, table: Scores, statistic: Callable[[Scores], Scores], *, width: int) -> Band:
    """A band of a statistic whose result for samples [B, S, K] is [B, width]."""
    if len(table) == 1:
        return Band(value, None, None)
    found = np.concatenate([statistic(sample) for sample in _resampled(table, width)])
    low, high = np.quantile(found, (0.025, 0.975), axis=0)
    return Band(value, low, high)


def _resampled(table: Scores, width: int = 1) -> Iterator[Scores]:
    """Bootstrap samples, float64 [B, S, K], in parts; ``width`` is how much more memory their users need."""
    step = max(1, _AT_ONCE // (table.size * width))
    generator = np.random.default_rng(SEED)
    tasks = np.arange(table.shape[1])
    for begin in range(0, SAMPLES, step):
        size = (min(step, SAMPLES - begin), *table.shape)
        yield table[generator.integers(len(table), size=size), tasks]


def _counts(table: Scores, *, stream: int) -> Scores:
    """float64 [SAMPLES, S, K]: how often each seed occurs in each bootstrap sample of each task.

    Another ``stream`` has other draws: two samples are independent, also where they have as many seeds.
    """
    seeds, tasks = table.shape
    generator = np.random.default_rng((SEED, stream))
    draws = generator.integers(seeds, size=(SAMPLES, tasks, seeds))
    cells = np.arange(SAMPLES * tasks).reshape(SAMPLES, tasks, 1) * seeds + draws
    counted = np.bincount(cells.ravel(), minlength=SAMPLES * tasks * seeds).reshape(SAMPLES, tasks, seeds)
    return counted.transpose(0, 2, 1).astype(np.float64)
