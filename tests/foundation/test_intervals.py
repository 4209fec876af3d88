"""Intervals of means and of probabilities, against published or exact values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from townlet.statistics.intervals import exact_interval, mean_and_margin, wilson_interval


def test_the_interval_of_a_probability_is_wilsons() -> None:
    assert wilson_interval(0, 100) == pytest.approx((0.0, 0.036994), abs=1e-6)
    assert wilson_interval(100, 100) == pytest.approx((1 - 0.036994, 1.0), abs=1e-6)
    # Newcombe 1998, table I: 81 of 263.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_a_mean_over_seeds_comes_with_1_96_standard_errors() -> None:
    mean, margin = mean_and_margin(np.array([1.0, 2.0, 3.0, 4.0]))
    assert mean == 2.5 and margin == pytest.approx(1.96 * math.sqrt(5 / 3) / 2, rel=1e-4)
    assert mean_and_margin(np.array([1.0])) == (1.0, None)


@pytest.mark.parametrize(("found", "of", "low", "high"), [(0, 100, 0.0, 0.0362), (100, 100, 0.9638, 1.0)])
def test_the_interval_of_a_share_is_clopper_and_pearsons(found: int, of: int, low: float, high: float) -> None:
    assert exact_interval(found, of) == pytest.approx((low, high), abs=1e-4)
