"""Differences between baselines: of means with an interval, and as effect sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import ttest_ind
from support.places import ROOT

from townlet.baselines import read_baseline
from townlet.baselines.compare import comparison_in_words, difference, hedges_g, same_figures
from townlet.statistics.welch import difference_of_means

Samples = st.lists(st.floats(-100, 100), min_size=2, max_size=20).map(lambda values: np.array(values, np.float64))


@given(Samples, Samples)
def test_a_difference_is_that_of_the_means_with_welchs_interval(old: Any, new: Any) -> None:
    found = difference(old, new)
    assert found.change is not None and found.low is not None and found.high is not None
    assert found.change == pytest.approx(new.mean() - old.mean(), abs=1e-9)
    assert found.low <= found.change + 1e-9 and found.high >= found.change - 1e-9
    if old.var() + new.var() > 1e-6:
        interval = ttest_ind(new, old, equal_var=False).confidence_interval()
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


@given(Samples, Samples, st.integers(-200, 200))
def test_an_interval_scales_with_the_samples_however_small_or_large_they_are(old: Any, new: Any, power: int) -> None:
    assume(old.std() + new.std() > 1e-3)
    unit = 10.0**power
    _, *plain = difference_of_means(new, old)
    assert difference_of_means(unit * new, unit * old)[1:] == pytest.approx(
        [unit * bound for bound in plain], abs=1e-9 * unit
    )


@given(Samples, Samples, st.floats(0.1, 10), st.floats(-10, 10))
def test_an_effect_size_has_no_unit_and_a_direction(old: Any, new: Any, scale: float, shift: float) -> None:
    assume(old.std() > 1e-3 and new.std() > 1e-3)
    effect = hedges_g(old, new)
    assert effect is not None
    assert hedges_g(old * scale + shift, new * scale + shift) == pytest.approx(effect, rel=1e-5, abs=1e-5)
    assert hedges_g(new, old) == pytest.approx(-effect)
    assert effect == 0.0 or (effect > 0) == (new.mean() > old.mean())


def test_hedges_g_of_a_worked_example() -> None:
    old, new = np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0])
    # Two standard deviations apart, times the correction 1 − 3 / (4 · 4 − 1).
    assert hedges_g(old, new) == pytest.approx(2.0 * 0.8)
    assert hedges_g(old[:1], new) is None and hedges_g(np.ones(3), np.ones(3)) == 0.0
    assert hedges_g(np.ones(3), 2 * np.ones(3)) is None


def test_equal_constants_do_not_differ_in_the_last_bit() -> None:
    """60 times 0.1, summed and divided by 60, is another number than 30 times."""
    assert difference_of_means(np.full(60, 0.1), np.full(30, 0.1)) == (0.0, 0.0, 0.0)
    assert difference_of_means(np.full(60, 0.3), np.full(30, 0.1))[0] == 0.3 - 0.1


def test_the_same_figures_under_another_hash_are_said_to_be_the_same_and_what_differs_is_named() -> None:
    home = ROOT / "baselines" / "queue_conflict"
    old, new = (read_baseline(home / f"baseline-{digits}.json") for digits in ("bebd70665465", "3cb719ebd558"))
    assert same_figures(old, new) == "the same figures as bebd70665465; only code, commit, manifests and hash differ"
    assert same_figures(new, new) == "it is 3cb719ebd558 itself"
    reward = new.metrics["reward_mean"]
    bit = reward.model_copy(update={"mean": float(np.nextafter(reward.mean, 0.0))})
    other = new.model_copy(update={"metrics": {**new.metrics, "reward_mean": bit}}).sealed()
    assert same_figures(new, other) is None
    assert comparison_in_words(new, other).endswith("metrics have another mean than in the promoted 3cb719ebd558")
    assert comparison_in_words(old, new).startswith("the same figures as the promoted bebd70665465")
