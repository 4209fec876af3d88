"""Statistics over seeds: agreement with rliable, invariants, and samples of one seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from townlet.statistics.bootstrap import iqm, middle_means
from townlet.statistics.over_seeds import (
    curve,
    few_seeds_note,
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
    rank_test,
)

#: Made by rliable 1.2.0 with SciPy 1.17.1, NumPy 2.4.6 and pandas 2.3.3, from the scores of :func:`reference_scores`
#: with 10,000 samples (3,000 for probabilities), after ``numpy.random.seed(0)``.
RLIABLE_IQM = {"5x3": (0.65253498, 0.28748581, 1.02569168), "20x6": (1.77318857, 1.52037908, 2.05766298)}
RLIABLE_IMPROVEMENT = {"5x3": (0.4, 0.225, 0.58333333), "20x6": (0.44222222, 0.36333333, 0.52277778)}

scores = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 7), st.integers(1, 3)),
    elements=st.floats(-1e6, 1e6, width=32).map(lambda value: round(value, 3)),
)
few = settings(max_examples=12, deadline=None)


def reference_scores() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    draws = np.random.default_rng(5)
    draws.normal(0.8, 0.05, (10, 1)), draws.normal(0.78, 0.08, (10, 1))
    tasks = np.array([0.0, 1.0, 2.0])
    small = draws.normal(0, 1, (5, 3)) + tasks, draws.normal(0.3, 1, (8, 3)) + tasks
    return {"5x3": small, "20x6": (draws.gamma(2, 1, (20, 6)), draws.gamma(2.2, 1, (15, 6)))}


@pytest.mark.parametrize("name", RLIABLE_IQM)
def test_estimates_are_those_of_rliable_and_intervals_differ_by_their_draws_alone(name: str) -> None:
    x, y = reference_scores()[name]
    for found, (value, low, high), step in (
        (interquartile_mean(x), RLIABLE_IQM[name], 0.05),
        (probability_of_improvement(x, y), RLIABLE_IMPROVEMENT[name], 0.02),
    ):
        assert found.value == pytest.approx(value, abs=1e-7)
        assert (found.low, found.high) == (pytest.approx(low, abs=step), pytest.approx(high, abs=step))


@few
@given(scores)
def test_a_mean_lies_in_its_interval_and_moves_with_the_scores(table: np.ndarray) -> None:
    found = interquartile_mean(table)
    moved = interquartile_mean(2.0 * table + 3.0)
    assert moved.value == pytest.approx(2.0 * found.value + 3.0, rel=1e-9, abs=1e-6)
    assert table.min() - 1e-6 <= found.value <= table.max() + 1e-6
    if len(table) == 1:
        assert (found.low, found.high) == (None, None)
    else:
        assert found.low is not None and found.high is not None
        assert found.low <= found.high
        assert interquartile_mean(table[::-1].copy()).value == pytest.approx(found.value, rel=1e-9, abs=1e-6)


@few
@given(scores, st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_the_probabilities_of_two_samples_to_win_add_up_to_one(table: np.ndarray, rows: int, seed: int) -> None:
    other = np.random.default_rng(seed).choice(table.ravel(), (rows, table.shape[1]))
    forth, back = probability_of_improvement(table, other), probability_of_improvement(other, table)
    assert forth.value + back.value == pytest.approx(1.0)
    for found in (forth, back):
        if found.low is not None and found.high is not None:
            assert 0.0 <= found.low <= found.high <= 1.0
    # Ranks alone count.
    assert probability_of_improvement(table * 0.5 - 1.0, other * 0.5 - 1.0) == forth


def test_two_samples_of_as_many_seeds_are_drawn_independently() -> None:
    scores = np.arange(10.0)
    found = probability_of_improvement(scores, scores)
    assert found.low is not None and found.high is not None
    assert found.low < 0.3 < 0.5 == found.value < 0.7 < found.high


def test_the_bootstrap_trims_its_samples_as_the_mean_trims_the_scores() -> None:
    samples = np.random.default_rng(0).normal(size=(40, 12, 1))
    assert middle_means(samples) == pytest.approx([iqm(sample) for sample in samples])


def test_a_fixed_score_is_compared_with_as_it_is() -> None:
    found = probability_of_improvement([1.0, 2.0, 3.0, 4.0, 5.0], [2.5])
    assert (found.value, found.seeds) == (0.6, 5)
    assert found.low is not None and found.low < 0.6
    assert probability_of_improvement([1.0, 3.0], [2.0, 2.0, 0.0]).value == pytest.approx(4 / 6)
    assert probability_of_improvement([2.0], [1.0]).as_json() == {"value": 1.0, "low": None, "high": None, "seeds": 1}
    with pytest.raises(ValueError, match="3 and 1 tasks"):
        probability_of_improvement(np.zeros((2, 3)), [1.0])


def test_scores_of_one_task_say_nothing_about_those_of_another() -> None:
    # Each task is drawn by itself: equal columns count as independent runs, and narrow the interval.
    one = np.random.default_rng(1).normal(0.0, 1.0, (8, 1))
    alone, together = interquartile_mean(one), interquartile_mean(np.repeat(one, 9, axis=1))
    widths = [found.high - found.low for found in (alone, together) if found.low is not None and found.high is not None]
    assert widths[1] < 0.5 * widths[0]


@few
@given(scores)
def test_a_profile_falls_from_one_to_nothing(table: np.ndarray) -> None:
    found = performance_profile(table, [table.min() - 1.0, np.median(table), table.max()])
    assert found.value[0] == 1.0 and found.value[-1] == 0.0
    assert (np.diff(found.value) <= 0.0).all()
    assert (found.low is None) == (len(table) == 1)


def test_a_curve_is_the_mean_of_every_point_with_the_same_seeds_drawn() -> None:
    curves = np.random.default_rng(2).normal(0.0, 1.0, (6, 4))
    band = curve(np.concatenate([curves, curves], axis=1))
    assert band.low is not None and band.high is not None
    assert band.value[:4] == pytest.approx([interquartile_mean(column).value for column in curves.T])
    assert (band.low[:4] == band.low[4:]).all() and (band.low < band.value).all() and (band.value < band.high).all()
    assert curve(curves[:1]).as_json() == {"value": curves[0].tolist(), "low": None, "high": None}


def test_few_seeds_and_unusable_scores_are_told() -> None:
    assert few_seeds_note(5) is None
    assert "says nothing about others" in str(few_seeds_note(1)) and "With 4 seeds" in str(few_seeds_note(4))
    assert interquartile_mean([1.0, 2.0]).few and not interquartile_mean(np.arange(5.0)).few
    for unusable in ([], [np.nan, 1.0], 3.0):
        with pytest.raises(ValueError, match="finite"):
            interquartile_mean(unusable)


def test_the_rank_test_is_exact_and_wants_enough_seeds() -> None:
    low, high = np.arange(10.0), np.arange(10.0) + 100.0
    assert rank_test(low[:3], high[:3]) == pytest.approx(2 / 20)
    assert rank_test(low[:4], high[:4]) == rank_test(high[:4], low[:4]) == pytest.approx(2 / 70)
    assert rank_test(low, [50.0]) == rank_test([50.0], low) == pytest.approx(2 / 1024)
    assert rank_test([1.0, 1.0], [1.0, 1.0]) == rank_test([1.0], [1.0]) == 1.0
