"""Statistics over seeds and towns: intervals are about both, and tests need both."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from townlet.statistics.bootstrap import iqm, iqm_interval
from townlet.statistics.crossed import (
    bootstrap,
    by_seed,
    crossed_interval,
    crossed_test,
    estimate,
    middle_mean,
    superiority,
    whole_mean,
)

SCORES = arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.integers(1, 6)),
    elements=st.floats(-100.0, 100.0, allow_subnormal=False),
)


@given(SCORES)
def test_the_statistic_of_a_row_is_the_interquartile_mean(scores: np.ndarray) -> None:
    assert middle_mean(scores) == pytest.approx([iqm(row) for row in scores], rel=1e-9, abs=1e-9)
    assert estimate(scores) == iqm(scores)
    assert estimate(scores, whole_mean) == pytest.approx(scores.mean(), rel=1e-9, abs=1e-9)


@given(SCORES, st.floats(-10.0, 10.0))
def test_intervals_lie_within_the_scores_and_move_with_them(scores: np.ndarray, shift: float) -> None:
    interval, moved = (crossed_interval(values, samples=200) for values in (scores, scores + shift))
    tolerance = 1e-9 * (1.0 + np.abs(scores).max())
    assert scores.min() - tolerance <= interval.low <= interval.high <= scores.max() + tolerance
    assert moved == pytest.approx([bound + shift for bound in interval], rel=1e-9, abs=1e-8)


@given(SCORES)
def test_the_order_of_seeds_and_towns_changes_no_estimate(scores: np.ndarray) -> None:
    assert estimate(scores[::-1, ::-1]) == pytest.approx(estimate(scores), rel=1e-9, abs=1e-9)
    assert by_seed(scores[:, ::-1]) == pytest.approx(by_seed(scores), rel=1e-9, abs=1e-9)


def test_the_interval_covers_a_new_seed_in_a_new_town() -> None:
    """Spread between seeds, between towns and within: 95 % of the intervals should hold the true mean.

    An interval over seeds alone, with the towns taken as they are, holds it far less often.
    """
    generator = np.random.default_rng(5)
    held = held_by_seeds_alone = 0
    repetitions = 200
    for _ in range(repetitions):
        seeds, towns = generator.normal(0.0, 0.5, (10, 1)), generator.normal(0.0, 1.0, (1, 20))
        scores = seeds + towns + generator.normal(0.0, 0.5, (10, 20))
        low, high = np.quantile(bootstrap(scores, whole_mean, samples=400), (0.025, 0.975))
        held += low <= 0.0 <= high
        means = scores.mean(axis=1)
        drawn = means[generator.integers(10, size=(400, 10))].mean(axis=1)
        held_by_seeds_alone += np.quantile(drawn, 0.025) <= 0.0 <= np.quantile(drawn, 0.975)
    assert 0.88 <= held / repetitions <= 1.0
    assert held_by_seeds_alone / repetitions < 0.85


def test_with_a_single_town_it_is_the_bootstrap_over_seeds() -> None:
    scores = np.random.default_rng(1).normal(size=(10, 1))
    crossed, plain = crossed_interval(scores), iqm_interval(scores)
    assert crossed.estimate == plain.estimate
    assert crossed == pytest.approx(plain, abs=0.05)


def test_a_difference_is_shown_if_it_is_large_beside_the_spread_of_seeds_and_of_towns() -> None:
    generator = np.random.default_rng(2)
    noise = generator.normal(size=(10, 50))
    assert crossed_test(1.0 + 0.1 * noise) == 0.5**10
    assert crossed_test(noise - 1.0) > 0.9
    # Half of the seeds are bad, in every town.
    assert crossed_test(0.1 * noise + np.where(np.arange(10) < 5, -1.0, 1.2)[:, None]) > 0.05
    # All seeds agree, but on few towns: the signed-rank test over seeds alone would find it significant.
    few = np.where(np.arange(50) < 2, 30.0, -0.1)[None, :] + 0.001 * noise
    assert crossed_test(few, whole_mean) > 0.05


def test_what_is_equal_everywhere_is_shown_only_above_nothing() -> None:
    assert crossed_test(np.full((10, 50), 0.01), whole_mean) == 0.5**10
    assert crossed_test(np.zeros((10, 50))) == 1.0


def test_few_seeds_cannot_show_anything() -> None:
    assert crossed_test(np.ones((2, 50))) == 0.25


def test_improvement_is_judged_in_the_same_town() -> None:
    towns = np.linspace(0.0, 100.0, 8)
    ours = towns + np.array([1.0, 1.0, -1.0])[:, None]
    found = superiority(ours, towns[None, :])
    assert found.estimate == pytest.approx(2 / 3) and 0.0 <= found.low < found.estimate < found.high <= 1.0
    assert superiority(ours, ours).estimate == 0.5
    assert superiority(ours + 10.0, ours) == pytest.approx((1.0, 1.0, 1.0))
    assert superiority(np.ones((3, 2)), np.ones((1, 2))) == pytest.approx((0.5, 0.5, 0.5))
    with pytest.raises(ValueError, match="expected 1 or as many"):
        superiority(ours, ours[:2])
