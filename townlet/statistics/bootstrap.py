"""Statistics of few runs: interquartile means, bootstrap intervals, probability of improvement, paired tests.

They follow the recommendations of Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical
Precipice". Scores are float64 [S] or [S, K]: one row per seed, one column per town in which policies were evaluated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.statistics.intervals import Interval

Scores = NDArray[np.float64]

#: Number of bootstrap samples, and the seed of their draws.
SAMPLES, SEED = 10_000, 0


def iqm(scores: Scores) -> float:
    """Interquartile mean, the mean of the middle half of all scores (Agarwal et al. 2021, section 4.3)."""
    from scipy.stats import trim_mean  # type: ignore[import-untyped]

    return float(trim_mean(scores, 0.25, axis=None))


def middle_means(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """:func:`iqm` of each of many samples, float64 [B], from float64 [B, ...]."""
    flat = np.sort(samples.reshape(len(samples), -1), axis=1)
    cut = int(0.25 * flat.shape[1])
    means: NDArray[np.float64] = flat[:, cut : flat.shape[1] - cut].mean(axis=1)
    return means


def iqm_interval(scores: Scores) -> Interval:
    """Interquartile mean with its percentile-bootstrap interval over seeds.

    If a seed was evaluated in several towns, all its scores are drawn together, because they belong to one policy.
    Agarwal et al. draw task by task, but their runs of different tasks are independent; here that would make intervals
    much too narrow.
    """
    samples = _resample(_columns(scores), np.random.default_rng(SEED))
    low, high = np.quantile(middle_means(samples), (0.025, 0.975))
    return Interval(iqm(scores), float(low), float(high))


def probability_of_improvement(x: Scores, y: Scores) -> Interval:
    """P(X > Y) for one random run of each, with ties counting half (Agarwal et al. 2021, section 4.3, equation 1).

    This is the Mann-Whitney statistic of each town, averaged over towns, with a bootstrap interval over seeds.
    """
    generator = np.random.default_rng(SEED)
    first, second = _columns(x), _columns(y)
    estimate = float(_superiority(first[None], second[None])[0])
    samples = _superiority(_resample(first, generator), _resample(second, generator))
    low, high = np.quantile(samples, (0.025, 0.975))
    return Interval(estimate, float(low), float(high))


def paired_test(difference: Scores) -> float:
    """One-sided p-value of paired differences above 0, float64 [S], by the signed-rank test (Wilcoxon 1945).

    The p-value is exact if there are at most 50 differences without ties and zeros.
    """
    from scipy.stats import wilcoxon

    if not difference.any():
        return 1.0
    return float(wilcoxon(difference, alternative="greater").pvalue)


def _columns(scores: Scores) -> Scores:
    return scores.reshape(len(scores), -1)


def _resample(scores: Scores, generator: np.random.Generator) -> Scores:
    """float64 [SAMPLES, S, K]: whole rows drawn with replacement; a row is one policy, evaluated in every town."""
    samples: Scores = scores[generator.integers(len(scores), size=(SAMPLES, len(scores)))]
    return samples


def _superiority(x: Scores, y: Scores) -> Scores:
    """float64 [B]: the share of pairs in which x, [B, S, K], exceeds y, [B, R, K], averaged over K."""
    sides = np.sign(x[:, :, None, :] - y[:, None, :, :])
    share: Scores = (0.5 * (sides.mean(axis=(1, 2)) + 1.0)).mean(axis=-1)
    return share
