"""Regression with autocorrelated errors, against the same by the errors' whole covariance matrix."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t

from townlet.statistics.autocorrelated import AUTOCORRELATIONS, Effect, effect_of

CYCLES = np.array([0, 1, 2, 3, 6, 7, 8, 9, 10, 14, 15, 16])
DESIGN = np.column_stack([np.ones(12), CYCLES / 16])
SLOPE = np.array([0.0, 1.0])


def test_effect_error_and_likelihood_are_those_of_generalised_least_squares_with_gaps_between_cycles() -> None:
    values = 3.0 + np.random.default_rng(1).normal(size=12)
    found = effect_of(values, CYCLES, DESIGN, SLOPE)
    assert found is not None
    likelihoods = []
    for index, r in enumerate(AUTOCORRELATIONS[:-1]):
        covariance = r ** np.abs(np.subtract.outer(CYCLES, CYCLES)) / (1 - r * r)
        inverse = np.linalg.inv(covariance)
        information = DESIGN.T @ inverse @ DESIGN
        coefficients = np.linalg.solve(information, DESIGN.T @ inverse @ values)
        residuals = values - DESIGN @ coefficients
        squares = residuals @ inverse @ residuals
        assert found.estimates[index] == pytest.approx(coefficients[1])
        assert found.errors[index] == pytest.approx(math.sqrt(squares / 10 * np.linalg.inv(information)[1, 1]))
        determinants = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1]
        likelihoods.append(-0.5 * (10 * math.log(squares) + determinants))
    np.testing.assert_allclose(np.diff(found.likelihoods[:-1]), np.diff(likelihoods), atol=1e-9)


def test_among_random_walks_the_effect_is_that_of_independent_steps() -> None:
    values, cycles = np.cumsum(np.random.default_rng(2).normal(size=30)), np.arange(30)
    found = effect_of(values, cycles, np.column_stack([np.ones(30), cycles]), SLOPE)
    assert found is not None
    steps = np.diff(values)
    assert found.estimates[-1] == pytest.approx(steps.mean(), rel=1e-3)
    assert found.errors[-1] == pytest.approx(steps.std(ddof=1) / math.sqrt(29), rel=1e-3)


def test_the_probability_is_fishers_of_the_effect_and_of_the_autocorrelation() -> None:
    # The likeliest autocorrelation is the first one, and the third lies two standard deviations above it.
    likelihoods = np.array([0.0, -0.5, -2.0])
    effect = Effect(np.array([5.0, 4.0, 3.0]), np.ones(3), 20, likelihoods)
    products = [t.sf(size - 1.0, 20) * tail for size, tail in ((5.0, 0.5), (4.0, 0.158655), (3.0, 0.0227501))]
    assert effect.p_beyond(1.0, 1) == pytest.approx(max(one * (1 - math.log(one)) for one in products), rel=1e-5)
    assert effect.p_beyond(1.0, -1) > 0.5


def test_an_interval_covers_the_plausible_autocorrelations_alone() -> None:
    effect = Effect(np.array([5.0, 4.0, -50.0]), np.array([1.0, 2.0, 3.0]), 20, np.array([0.0, -1.9, -2.0]))
    half = t.ppf(0.975, 20)
    assert effect.interval(0.95) == pytest.approx((4.0 - 2 * half, 4.0 + 2 * half))


def test_a_design_that_does_not_determine_the_effect_has_none() -> None:
    assert effect_of(np.arange(12.0), CYCLES, np.ones((12, 2)), SLOPE) is None
