"""Statistics of crossed scores: policies of several seeds, each evaluated in the same towns.

Scores are float64 [S, K]: one row per seed, one column per town. A statement about them is about two samples at once:
another seed, and another town. The bootstrap therefore draws both: S seeds and K towns, each with replacement and
independently of each other, and takes the scores of the drawn seeds in the drawn towns. This is the pigeonhole
bootstrap (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2)), whose variance is on average not
below the true one. The bootstrap of Agarwal et al. 2021 draws seeds anew in every column; that fits runs that were
trained for one task each, but here one policy acts in all towns.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from townlet.statistics.bootstrap import iqm, paired_test
from townlet.statistics.intervals import Interval

Scores = NDArray[np.float64]
#: A statistic of score samples, float64 [B, N], for each sample, float64 [B].
Statistic = Callable[[Scores], Scores]

#: Number of bootstrap samples, and the seed of their draws.
SAMPLES, SEED = 10_000, 0
#: Samples that are held in memory at once.
_BATCH = 500


def middle_mean(samples: Scores) -> Scores:
    """float64 [B]: the interquartile mean of each row of ``samples``, float64 [B, N]."""
    cut = int(0.25 * samples.shape[1])
    kept = samples.shape[1] - cut
    if cut:
        samples = np.partition(samples, (cut, kept - 1), axis=1)
    means: Scores = samples[:, cut:kept].mean(axis=1)
    return means


def whole_mean(samples: Scores) -> Scores:
    """float64 [B]: the mean of each row of ``samples``, float64 [B, N]; for rare events, which quartiles cut off."""
    means: Scores = samples.mean(axis=1)
    return means


def estimate(scores: Scores, statistic: Statistic = middle_mean) -> float:
    """The statistic of all scores, float64 [S, K]."""
    return iqm(scores) if statistic is middle_mean else float(statistic(scores.reshape(1, -1))[0])


def bootstrap(scores: Scores, statistic: Statistic = middle_mean, samples: int = SAMPLES) -> Scores:
    """float64 [samples]: the statistic in each bootstrap sample of scores, float64 [S, K].

    Seeds and towns are drawn. Equal shapes have equal draws, so differences of two results are those of pairs.
    """
    rows, columns = _draws(*scores.shape, samples)
    batches = [slice(first, first + _BATCH) for first in range(0, samples, _BATCH)]
    drawn = (scores[rows[batch, :, None], columns[batch, None, :]].reshape(-1, scores.size) for batch in batches)
    return np.concatenate([statistic(sample) for sample in drawn])


@cache
def _draws(seeds: int, towns: int, samples: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    generator = np.random.default_rng(SEED)
    return generator.integers(seeds, size=(samples, seeds)), generator.integers(towns, size=(samples, towns))


def crossed_interval(scores: Scores, statistic: Statistic = middle_mean, samples: int = SAMPLES) -> Interval:
    """The statistic of scores, float64 [S, K], with its 95 % percentile interval over new seeds in new towns."""
    low, high = np.quantile(bootstrap(scores, statistic, samples), (0.025, 0.975))
    return Interval(estimate(scores, statistic), float(low), float(high))


def crossed_test(difference: Scores, statistic: Statistic = middle_mean) -> float:
    """One-sided p-value of paired differences above 0, float64 [S, K]: the larger of two.

    One is the share of bootstrap samples whose statistic is not above 0, the sample itself included among them
    (Davison and Hinkley 1997, section 4.4). It covers new seeds and new towns, but a bootstrap of few seeds is too sure
    of itself. Therefore the other is the exact signed-rank test over the seeds' own statistics.
    """
    found = bootstrap(difference, statistic)
    by_bootstrap = (1.0 + float((found <= 0.0).sum())) / (1.0 + len(found))
    return max(by_bootstrap, paired_test(by_seed(difference, statistic)))


def by_seed(scores: Scores, statistic: Statistic = middle_mean) -> Scores:
    """float64 [S]: each seed's statistic over the towns of scores, float64 [S, K]."""
    return statistic(scores)


def superiority(x: Scores, y: Scores) -> Interval:
    """P(X > Y) in one random town, ties counting half, for a random row of each, float64 [S, K] and [R, K].

    Agarwal et al. 2021, section 4.3, equation 1, with the crossed bootstrap's interval: seeds and towns are drawn.
    """
    # Each score's share of rows of y that it exceeds in its own town. The rows of y are drawn with those of x if they
    # are the same seeds; a script has one row.
    if len(y) not in (1, len(x)):
        raise ValueError(f"found {len(y)} rows beside {len(x)}, expected 1 or as many")
    shares = 0.5 * (np.sign(x[:, None, :] - y[None, :, :]) + 1.0)
    whole = float(shares.mean())
    rows, columns = _draws(*x.shape, SAMPLES)
    weights = _counts(rows, len(x)), _counts(columns, x.shape[1])
    others = weights[0] if len(y) > 1 else np.ones((SAMPLES, 1))
    found = np.einsum("bs,br,bk,srk->b", weights[0], others, weights[1], shares, optimize=True)
    found /= weights[0].sum(axis=1) * others.sum(axis=1) * weights[1].sum(axis=1)
    low, high = np.quantile(found, (0.025, 0.975))
    return Interval(whole, float(low), float(high))


def _counts(draws: NDArray[np.int64], size: int) -> Scores:
    """float64 [B, size]: how often each number occurs in each row of draws, int64 [B, N]."""
    counts = np.zeros((len(draws), size))
    np.add.at(counts, (np.arange(len(draws))[:, None], draws), 1.0)
    return counts
