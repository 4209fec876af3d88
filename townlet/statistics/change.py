"""Tests for change in a series of independent cycles: its level, a trend, a change point, and one outlying cycle.

Cycles have fresh seeds and the same behaviour as the baseline's rollouts, so without a change all values are
exchangeable. The first three tests use ranks and assume no more than that: they hold for skewed values, ties and counts
that are mostly 0.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from townlet.statistics.welch import CONFIDENCE, difference_of_means

#: Fewest values of a run, or of a baseline, that are tested.
FEWEST = 8
#: Fewest cycles on either side of a change point.
SHORTEST_SIDE = 3
#: Most values for which the rank sum's distribution is enumerated; for more, the normal one is accurate enough.
_ENUMERATED = 100
#: Permutations in each round of the change point's test, and the number of exceedances that ends it early.
_ROUNDS, _ENOUGH = (500, 5_000, 50_000, 150_000), 12
#: Permutations in memory at once: few enough that they stay in the processor's cache. The number changes no result.
_TOGETHER = 200
#: Probabilities from which on a change point's need not be exact.
_PLAINLY_LARGE = 0.1
#: Probability of a rank sum below which it is enumerated, and the number of values up to which it always is.
_EXACT_BELOW, _EXACT_UP_TO = 0.01, 24
#: Most values among which a trend or a change point is sought cycle by cycle; longer series are averaged in blocks.
_MOST = 512

Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one test of one metric, in the metric's own unit."""

    test: str
    """Name of the test."""
    effect: float
    """Estimated change."""
    low: float
    """Lower bound of its 95 % interval, which may be infinite."""
    high: float
    p: float
    """Probability of a statistic as extreme if nothing changed."""
    cycle: int = -1
    """First cycle after a change point, or the outlying one, counted from 0; -1 for other tests."""


def level_shift(values: Series, baseline: Series) -> Finding:
    """Test whether ``values`` [N] lie higher or lower than ``baseline`` [S]: exact rank-sum test with ties.

    The effect is the difference of means with Welch's interval (Welch 1947).
    """
    effect, low, high = difference_of_means(values, baseline)
    return Finding("level", effect, low, high, rank_sum_p(values, baseline))


def trend(values: Series) -> Finding:
    """Test whether ``values`` [N] rise or fall: Mann's test of Kendall's statistic with ties (Mann 1945).

    The effect is the change over the whole run by the median slope, with the interval of the same statistic (Sen 1968,
    eq. 2.6).
    """
    from scipy.special import ndtr, ndtri  # type: ignore[import-untyped]

    means, length, _ = _blocks(values)
    if np.ptp(means) == 0:
        return Finding("trend", 0.0, 0.0, 0.0, 1.0)
    earlier, later = _pairs(len(means))
    differences = means[later] - means[earlier]
    rises = int(np.count_nonzero(differences > 0)) - int(np.count_nonzero(differences < 0))
    _, ties = np.unique(means, return_counts=True)
    spread = math.sqrt((_kendall_spread(np.array([len(means)])) - _kendall_spread(ties)) / 18)
    # The statistic moves in steps of 2; the correction for continuity is half a step.
    p = 2 * float(ndtr(-max(abs(rises) - 1.0, 0.0) / spread))
    # SciPy's theilslopes gives the same, but finds the pairs again and sorts them: most of the time of a verdict.
    most = len(differences) - 1
    half = float(ndtri((1 + CONFIDENCE) / 2)) * spread
    ends = (max(round((most + 1 - half) / 2) - 1, 0), min(round((most + 1 + half) / 2), most))
    slopes = np.partition(differences / (later - earlier), sorted({*ends, most // 2, (most + 1) // 2}))
    middle = (slopes[most // 2] + slopes[(most + 1) // 2]) / 2
    slope, low, high = ((len(values) - 1) / length * float(one) for one in (middle, slopes[ends[0]], slopes[ends[1]]))
    return Finding("trend", slope, low, high, min(p, 1.0))


@functools.lru_cache(maxsize=8)
def _pairs(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of the earlier and of the later value of every pair among ``n``."""
    earlier, later = np.triu_indices(n, 1)
    return earlier, later


def _blocks(values: Series) -> tuple[Series, int, int]:
    """``values`` [N] if they are few, else their means in blocks of equal length, which are exchangeable too.

    Returns the means, the cycles per block, and the cycles left out before the first block. Work and memory for a trend
    or a change point would otherwise grow with the square of the number of cycles.
    """
    length = -(-len(values) // _MOST)
    first = len(values) % length
    return values[first:].reshape(-1, length).mean(axis=1), length, first


def _kendall_spread(sizes: NDArray[np.int64]) -> float:
    return float(np.sum(sizes * (sizes - 1) * (2 * sizes + 5)))


def change_point(values: Series) -> Finding:
    """Test whether ``values`` [N] jump at a cycle: the largest standardised rank sum over all splits (Pettitt 1979).

    Its probability is estimated from up to 200,000 random orders of the same values, which allows for ties; sampling
    ends early where it is plainly large (Besag and Clifford 1991). The effect is the difference of means after and
    before, with Welch's interval; it tends to be too large, because the data chose the split.
    """
    means, length, first = _blocks(values)
    if np.ptp(means) == 0:
        return Finding("change point", 0.0, 0.0, 0.0, 1.0)
    ranks = midranks(means)
    splits = np.arange(SHORTEST_SIDE, len(means) - SHORTEST_SIDE + 1)
    seen = _standardised(ranks[None], splits)[0]
    split = first + length * int(splits[seen.argmax()])
    effect, low, high = difference_of_means(values[split:], values[:split])
    return Finding("change point", effect, low, high, _order_p(ranks, splits, float(seen.max())), split)


def _standardised(ranks: Series, splits: NDArray[np.int64]) -> Series:
    """Absolute standardised rank sums before each split, float64 [R, K], of orders ``ranks`` [R, N]."""
    n = ranks.shape[1]
    centred = ranks - (n + 1) / 2
    spread = np.sqrt(splits * (n - splits) / (n - 1) * np.mean(centred[0] ** 2))
    np.cumsum(centred, axis=1, out=centred)
    # Splits are adjacent, so this is a view; a copy, and a result for each step, take half as long again.
    sums = centred[:, splits[0] - 1 : splits[-1]]
    np.abs(sums, out=sums)
    return np.asarray(np.divide(sums, spread, out=sums))


def _order_p(ranks: Series, splits: NDArray[np.int64], seen: float) -> float:
    """Share of orders whose largest statistic reaches ``seen``: random ones, and the observed one.

    If no two values are equal, the orders' statistics depend on nothing but their number, so they are drawn once. If
    some are, that share still says which probabilities are plainly large.
    """
    untied = np.arange(1.0, len(ranks) + 1)
    p = _share_reaching(seen, len(_ROUNDS), lambda number: _kept_statistics(len(ranks), number))
    if p >= _PLAINLY_LARGE or np.array_equal(np.sort(ranks), untied):
        return p
    return _tied_share(ranks.tobytes(), splits.tobytes(), seen)


@functools.lru_cache(maxsize=64)
def _tied_share(ranks: bytes, splits: bytes, seen: float) -> float:
    """The same for orders of ``ranks`` with ties; kept, since a night's drift and its report ask for the same ones."""
    orders, at = np.frombuffer(ranks), np.frombuffer(splits, np.int64)
    return _share_reaching(seen, len(_ROUNDS), lambda number: _order_statistics(orders, at, number))


def _share_reaching(seen: float, rounds: int, statistics_of: Callable[[int], Series]) -> float:
    reached = drawn = 0
    for number in range(rounds):
        statistics = statistics_of(number)
        # A statistic equal to the observed one is as extreme; sums of ranks may differ in the last bit.
        reached += int(np.count_nonzero(statistics >= seen - 1e-9))
        drawn += len(statistics)
        if reached >= _ENOUGH:
            break
    return (reached + 1) / (drawn + 1)


@functools.lru_cache(maxsize=64)
def _kept_statistics(n: int, number: int) -> Series:
    """Largest statistics of the random orders of ``n`` different values in a round, float64."""
    splits = np.arange(SHORTEST_SIDE, n - SHORTEST_SIDE + 1)
    return _order_statistics(np.arange(1.0, n + 1), splits, number)


def _order_statistics(ranks: Series, splits: NDArray[np.int64], number: int) -> Series:
    """The largest statistic of each random order in a round, float64 [amount of the round]."""
    random = np.random.default_rng([len(ranks), number])
    amount, found = _ROUNDS[number], []
    orders = np.empty((_TOGETHER, len(ranks)))
    for begin in range(0, amount, _TOGETHER):
        some = orders[: amount - begin]
        some[:] = ranks
        # In place, because a shuffled copy takes half as long again.
        random.permuted(some, axis=1, out=some)
        found.append(_standardised(some, splits).max(axis=1))
    return np.concatenate(found)


def odd_cycle(values: Series, baseline: Series) -> Finding | None:
    """Test the cycle farthest from all others, baseline [S] included, by Student's t of a new value.

    The probability is multiplied by the number of cycles. Ranks cannot test a single value, so this relies on cycles
    being means over many worlds. Values that are never negative must be as extreme on the scale of cube roots, on which
    skewed ones are close to normal (Wilson and Hilferty 1931). None if at most half of the values are distinct, because
    their spread says nothing about one more. The interval is that of the deviation.
    """
    from scipy.special import stdtrit

    pool = np.concatenate([baseline, values])
    if len(np.unique(pool)) <= len(pool) // 2:
        return None
    first = len(baseline)
    cycle = int(np.abs(values - np.median(pool)).argmax())
    others = np.delete(pool, first + cycle)
    odds = [_new_value_p(others, values[cycle])]
    if pool.min() >= 0:
        odds.append(_new_value_p(np.cbrt(others), float(np.cbrt(values[cycle]))))
    deviation = float(values[cycle] - others.mean())
    margin = float(stdtrit(len(others) - 1, (1 + CONFIDENCE) / 2)) * _spread_of_another(others)
    p = min(1.0, max(odds) * len(values))
    return Finding("one cycle", deviation, deviation - margin, deviation + margin, p, cycle)


def _new_value_p(others: Series, value: float) -> float:
    from scipy.special import stdtr

    spread = _spread_of_another(others)
    return float(2 * stdtr(len(others) - 1, -abs(value - others.mean()) / spread)) if spread > 0 else 0.0


def _spread_of_another(values: Series) -> float:
    """Standard deviation of one more value about the mean of these."""
    deviations = values - values.mean()
    # Squares of very small deviations would be 0, and those of very large ones infinite.
    unit = float(np.abs(deviations).max())
    spread = unit * math.sqrt(float(np.square(deviations / unit).sum()) / (len(values) - 1)) if unit > 0 else 0.0
    return spread * math.sqrt(1 + 1 / len(values))


def midranks(values: Series) -> Series:
    """The rank of each value, from 1 on; equal values share the mean of their ranks.

    It is what SciPy's ``rankdata`` gives, without the module that holds it: ``scipy.stats`` takes 0.7 s and 70 MB to
    import, more than all tests of a short soak.
    """
    _, place, amounts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(amounts)
    return np.asarray((last - (amounts - 1) / 2)[place])


def rank_sum_p(values: Series, baseline: Series) -> float:
    """Two-sided probability of the rank sum of ``values`` [N] among all values (Wilcoxon 1945), ties as midranks.

    The sum is normal with the variance of the midranks. If that gives a probability below 1 %, and always among few
    values, its distribution is enumerated over all ways to choose N of up to 100 midranks (Streitberg and Röhmel 1986,
    the shift algorithm).
    """
    from scipy.special import ndtr

    ranks = np.rint(2 * midranks(np.concatenate([baseline, values]))).astype(np.int64)
    own, size = int(ranks[len(baseline) :].sum()), len(values)
    if np.ptp(ranks) == 0:
        return 1.0
    mean = size * ranks.mean()
    spread = math.sqrt(size * len(baseline) / (len(ranks) - 1) * float(ranks.var()))
    p = min(1.0, 2 * float(ndtr(-max(abs(own - mean) - 1.0, 0.0) / spread)))
    if len(ranks) > _ENUMERATED or (p > _EXACT_BELOW and len(ranks) > _EXACT_UP_TO):
        return p
    low, high = _tails(tuple(np.sort(ranks).tolist()), size, own)
    return min(1.0, 2 * min(low, high))


@functools.lru_cache(maxsize=4096)
def _tails(ranks: tuple[int, ...], size: int, total: int) -> tuple[float, float]:
    """Probabilities that ``size`` of the ``ranks``, drawn without replacement, sum to at most and to at least
    ``total``."""
    share = _distribution(ranks, size)
    return float(share[: total + 1].sum()), float(share[total:].sum())


@functools.lru_cache(maxsize=64)
def _distribution(ranks: tuple[int, ...], size: int) -> Series:
    """Probability of every sum of ``size`` of the ``ranks``, float64 [highest sum + 1]."""
    most = sum(ranks[-size:])
    ways = np.zeros((size + 1, most + 1))
    ways[0, 0] = 1.0
    for seen, rank in enumerate(ranks):
        for chosen in range(min(seen + 1, size), 0, -1):
            ways[chosen, rank:] += ways[chosen - 1, : most + 1 - rank]
    return np.asarray(ways[size] / ways[size].sum())
