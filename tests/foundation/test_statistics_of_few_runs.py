"""Statistics of few runs: interquartile means, bootstrap intervals, probability of improvement, paired tests."""

from __future__ import annotations

import numpy as np
import pytest

from townlet.statistics.bootstrap import iqm, iqm_interval, paired_test, probability_of_improvement


def test_the_interquartile_mean_is_that_of_the_middle_half() -> None:
    assert iqm(np.array([100.0, 1.0, 2.0, 3.0, 4.0, -50.0, 2.0, 3.0])) == 2.5
    # Over seeds and towns together, as in rliable.
    assert iqm(np.array([[0.0, 1.0], [2.0, 9.0]])) == 1.5


def test_its_interval_holds_the_estimate_and_shrinks_to_a_point_for_equal_seeds() -> None:
    scores = np.random.default_rng(3).normal(5.0, 1.0, (10, 3))
    interval = iqm_interval(scores)
    assert interval.low < interval.estimate < interval.high
    assert iqm_interval(np.full(10, 7.0)) == (7.0, 7.0, 7.0)


def test_a_seed_evaluated_in_several_towns_is_drawn_with_all_its_scores() -> None:
    # Here the score depends on the seed alone, so six towns are no more evidence than one.
    one_town = np.random.default_rng(1).normal(0.0, 1.0, (10, 1))
    alone, together = iqm_interval(one_town), iqm_interval(np.repeat(one_town, 6, axis=1))
    assert together.high - together.low > 0.8 * (alone.high - alone.low)


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0)
    hits = 0
    for _ in range(60):
        interval = iqm_interval(draws.normal(0.0, 1.0, 40))
        hits += interval.low <= 0.0 <= interval.high
    # Binomial(60, 0.95) is below 50 with probability 1e-4.
    assert hits >= 50


def test_the_probability_of_improvement_counts_pairs_and_halves_ties() -> None:
    assert probability_of_improvement(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == (1.0, 1.0, 1.0)
    assert probability_of_improvement(np.array([1.0, 2.0]), np.array([1.0, 2.0])).estimate == 0.5
    assert probability_of_improvement(np.array([1.0, 3.0]), np.array([2.0, 2.0, 0.0])).estimate == pytest.approx(4 / 6)


def test_the_paired_test_is_exact_and_one_sided() -> None:
    differences = np.arange(1.0, 11.0)
    assert paired_test(differences) == pytest.approx(0.5**10)
    assert paired_test(-differences) == 1.0
    assert paired_test(np.zeros(10)) == 1.0
