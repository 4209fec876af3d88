"""Claims of the drift detector about a soak's metrics, and those that it refuses to make."""

from __future__ import annotations

import dataclasses
import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, mannwhitneyu, theilslopes

from townlet.soak.assessment import Assessment, CorrectedFinding, MetricAssessment
from townlet.soak.drift_detection import ALARM_RATE, MANY_WORLDS, REFERENCE, detect_drift
from townlet.soak.verdict import decide
from townlet.statistics.change import FEWEST, Finding, change_point, level_shift, odd_cycle, rank_sum_p, trend

CYCLES, SEEDS = 40, 30
INTENSITY = "queue_conflict_intensity_per_1000"
EVENTS = "queue_conflict_events_per_1000"
LATE = "late_arrivals_per_1000"
CONSTANT = "uses_completed_per_1000"

Columns = dict[str, np.ndarray]


def a_night(seed: int, cycles: int = CYCLES) -> tuple[Columns, Columns]:
    """Cycles and a baseline without a change: one smooth, one skewed, one mostly zeros, one constant."""
    random = np.random.default_rng(seed)

    def draws(size: int) -> Columns:
        return {
            INTENSITY: random.normal(100.0, 2.0, size),
            EVENTS: random.exponential(5.0, size),
            LATE: random.poisson(0.15, size).astype(float),
            CONSTANT: np.full(size, 12.5),
        }

    reference = {REFERENCE + name: values for name, values in draws(cycles).items()}
    return reference | {"entropy": random.normal(1.0, 0.1, cycles)}, draws(SEEDS)


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.integers(0, 4), min_size=7, max_size=7),
    baseline=st.lists(st.integers(0, 4), min_size=4, max_size=4),
)
def test_the_rank_sums_probability_counts_all_ways_to_choose_the_cycles_ties_included(
    values: list[int], baseline: list[int]
) -> None:
    pool = np.array(baseline + values, float)
    ranks = np.array([(pool < one).sum() + ((pool == one).sum() + 1) / 2 for one in pool])
    seen = ranks[4:].sum()
    sums = np.array([ranks[list(chosen)].sum() for chosen in itertools.combinations(range(11), 7)])
    expected = min(1.0, 2 * min((sums <= seen).mean(), (sums >= seen).mean()))
    assert rank_sum_p(pool[4:], pool[:4]) == pytest.approx(expected)


@pytest.mark.parametrize(("size", "shift"), [(24, 0.0), (24, 1.2), (90, 0.0), (90, 0.6)])
def test_without_ties_the_rank_sums_probability_is_scipys(shift: float, size: int) -> None:
    random = np.random.default_rng(5)
    values, baseline = random.normal(shift, 1.0, size), random.normal(0.0, 1.0, 30)
    expected = mannwhitneyu(values, baseline, method="exact").pvalue
    exact = size <= 70 and expected < 0.01
    assert rank_sum_p(values, baseline) == pytest.approx(expected, rel=1e-9 if exact else 0.15)


@pytest.mark.parametrize("size", [FEWEST, 9, 40])
def test_a_trend_turned_upside_down_has_the_interval_turned_upside_down(size: int) -> None:
    values = np.random.default_rng(0).normal(size=size)
    found, mirrored = trend(values), trend(-values)
    assert (mirrored.effect, mirrored.low, mirrored.high, mirrored.p) == pytest.approx(
        (-found.effect, -found.high, -found.low, found.p)
    )


@pytest.mark.parametrize("steps", [1000.0, 2.0])
def test_a_trends_probability_and_slope_are_scipys(steps: float) -> None:
    random = np.random.default_rng(6)
    values = np.round(steps * (random.normal(size=60) + np.linspace(0.0, 1.2, 60))) / steps
    found, cycle = trend(values), np.arange(60)
    # SciPy's normal probability is without the correction for continuity.
    assert found.p == pytest.approx(kendalltau(cycle, values, method="asymptotic").pvalue, rel=0.05)
    assert found.p > kendalltau(cycle, values, method="asymptotic").pvalue
    slope, _, low, high = theilslopes(values, cycle)
    assert (found.effect, found.low, found.high) == pytest.approx((59 * slope, 59 * low, 59 * high))


def test_a_change_points_probability_is_that_of_all_orders_of_the_values() -> None:
    values = np.array([0.0, 0.0, 1.0, 0.0, 5.0, 6.0, 5.0])

    def largest(order: np.ndarray) -> float:
        ranks = np.array([(values < one).sum() + ((values == one).sum() + 1) / 2 for one in order]) - 4.0
        splits = np.arange(3, 5)
        return float((np.abs(np.cumsum(ranks)[splits - 1]) / np.sqrt(splits * (7 - splits))).max())

    orders = [largest(np.array(order)) for order in itertools.permutations(values)]
    expected = float(np.mean(np.array(orders) >= largest(values) - 1e-9))
    found = change_point(values)
    assert found.p == pytest.approx(expected, abs=0.01)
    assert found.cycle == 4


@pytest.mark.parametrize("cycles", [24, 1_500])
@pytest.mark.parametrize("test", [trend, change_point])
def test_the_tests_within_a_run_keep_their_level_on_counts_that_are_mostly_zero(  # type: ignore[no-untyped-def]
    test, cycles: int
) -> None:
    random = np.random.default_rng(11)
    found = np.array([test(random.poisson(0.2, cycles).astype(float)).p for _ in range(400)])
    # Binomial: more than 36 of 400 at 5 % happen once in 10,000 times.
    assert (found <= 0.05).sum() <= 36


def test_hours_of_cycles_are_searched_for_changes_in_little_memory() -> None:
    values = np.random.default_rng(12).normal(size=14_310)
    values[9_000:] += 1.0
    tracemalloc.start()
    jump, slope = change_point(values), trend(values)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert abs(jump.cycle - 9_000) <= 28 and jump.low < 1.0 < jump.high and jump.p < 0.001
    line = theilslopes(values[-14_308:].reshape(511, 28).mean(axis=1), 28 * np.arange(511))[0]
    assert slope.effect == pytest.approx(14_309 * line) and slope.p < 0.001
    assert most < 200e6


def test_nights_without_a_change_are_accepted_whatever_the_metrics_look_like() -> None:
    verdicts = [decide(detect_drift(*a_night(seed), learning=False)) for seed in range(30)]
    assert {verdict.decision for verdict in verdicts} == {"accept"}


@pytest.mark.parametrize("share", [0.9, 1.1])
def test_a_change_of_ten_percent_is_an_alert_and_rejects_the_soak(share: float) -> None:
    cycles, baseline = a_night(1)
    cycles[REFERENCE + INTENSITY] *= share
    assessment = detect_drift(cycles, baseline, learning=False)
    assert [metric.name for metric in assessment.of("alert")] == [INTENSITY]
    verdict = decide(assessment)
    assert verdict.decision == "reject"
    assert "Conflict intensity lay" in verdict.reasons
    assert ("above" if share > 1 else "below") in verdict.reasons


def test_a_certain_but_small_change_has_the_verdict_watch_and_holds_the_soak() -> None:
    cycles, baseline = a_night(2)
    cycles[REFERENCE + INTENSITY] *= 1.03
    assessment = detect_drift(cycles, baseline, learning=False)
    assert [metric.name for metric in assessment.of("watch")] == [INTENSITY]
    assert decide(assessment).decision == "hold"


def test_the_reason_for_an_alert_is_a_finding_beyond_the_margin_not_a_more_certain_small_one() -> None:
    def corrected(test: str, effect: float, p: float, cycle: int = -1) -> CorrectedFinding:
        finding = Finding(test, effect, effect - 1.0, effect + 1.0, p, cycle)
        return CorrectedFinding(finding, p, abs(effect) >= 5.0)

    small, large, odd = (
        corrected("trend", 3.0, 1e-9),
        corrected("level", 6.0, 1e-6),
        corrected("one cycle", 9.0, 0.2, 3),
    )
    findings = (small, odd, large)
    metric = MetricAssessment(INTENSITY, "reference", "alert", CYCLES, 106.0, 5.0, findings, SEEDS, 100.0, 2.0, 0.07)
    assert metric.decisive() is large and metric.most_certain() is small
    reasons = decide(Assessment(False, CYCLES, ALARM_RATE, 3, (metric,))).reasons
    assert "Conflict intensity lay 6.0 % above the baseline" in reasons and "+3.0 %" not in reasons
    assert dataclasses.replace(metric, verdict="watch", findings=(small,)).decisive() is small


def test_a_resource_without_data_is_named_and_a_soak_in_which_all_lack_data_is_held() -> None:
    cycles, baseline = a_night(12)
    unknown = np.full(CYCLES, np.nan)
    known = np.random.default_rng(0).normal(5e8, 1e5, CYCLES)
    cycles["entropy"] = unknown
    for resources, decision in (
        ({"resident_memory_bytes": unknown, "open_files": unknown}, "hold"),
        ({"resident_memory_bytes": known, "open_files": unknown}, "accept"),
    ):
        for learning in (False, True):
            assessment = detect_drift(cycles, baseline, learning=learning, resources=resources)
            lacking = {metric.name for metric in assessment.of("not enough data")}
            assert lacking == {name for name, values in (resources | cycles).items() if values is unknown}
            verdict = decide(assessment)
            assert verdict.decision == decision
            assert "Not enough data to assess" in verdict.reasons and "open files" in verdict.reasons


def test_a_constant_metric_that_takes_another_value_is_found() -> None:
    cycles, baseline = a_night(3)
    cycles[REFERENCE + CONSTANT] = np.full(CYCLES, 14.0)
    assert [metric.name for metric in detect_drift(cycles, baseline, learning=False).of("alert")] == [CONSTANT]


def test_a_slow_trend_a_jump_and_one_bad_cycle_are_each_found_by_their_own_test() -> None:
    random = np.random.default_rng(4)
    steady = random.normal(100.0, 2.0, CYCLES)
    baseline = random.normal(100.0, 2.0, SEEDS)
    assert trend(steady + np.linspace(-5, 5, CYCLES)).p < 1e-5
    jump = change_point(steady + np.where(np.arange(CYCLES) >= 25, 6.0, 0.0))
    assert jump.p < 1e-4
    assert 23 <= jump.cycle <= 27
    spiked = steady.copy()
    spiked[17] = 140.0
    odd = odd_cycle(spiked, baseline)
    assert odd is not None
    assert (odd.cycle, odd.p < 1e-9) == (17, True)
    assert level_shift(steady, baseline).p > 0.01


def test_a_single_event_among_hardly_any_is_no_bad_cycle() -> None:
    cycles, baseline = a_night(5)
    baseline[LATE][:] = 0.0
    cycles[REFERENCE + LATE][:] = 0.0
    cycles[REFERENCE + LATE][7] = 30.0
    assert decide(detect_drift(cycles, baseline, learning=False)).decision == "accept"


@pytest.mark.parametrize("cycles", [1, 5, 7])
def test_too_short_a_soak_is_neither_accepted_nor_rejected(cycles: int) -> None:
    assessment = detect_drift(*a_night(6, cycles), learning=False)
    assert {metric.verdict for metric in assessment.metrics} == {"not enough data"}
    assert decide(assessment).decision == "hold"


def test_a_metric_that_a_cycle_lacks_is_not_tested_and_holds_the_soak() -> None:
    cycles, baseline = a_night(7)
    cycles[REFERENCE + INTENSITY][3] = np.nan
    del cycles[REFERENCE + EVENTS]
    assessment = detect_drift(cycles, baseline, learning=False)
    assert [metric.name for metric in assessment.of("not enough data")] == sorted([INTENSITY, EVENTS])
    verdict = decide(assessment)
    assert verdict.decision == "hold"
    assert "Not enough data to assess" in verdict.reasons


def test_without_a_baseline_nothing_is_accepted() -> None:
    cycles, _ = a_night(8)
    verdict = decide(detect_drift(cycles, {}, learning=False))
    assert verdict.decision == "hold"
    assert "No baseline" in verdict.reasons


def test_a_network_that_learns_may_move_and_one_that_does_not_may_not() -> None:
    cycles, baseline = a_night(9)
    cycles["entropy"] = np.linspace(1.0, 0.5, CYCLES)
    learning, frozen = (detect_drift(cycles, baseline, learning=on) for on in (True, False))
    assert [metric.name for metric in learning.of("learned")] == ["entropy"]
    verdict = decide(learning)
    assert verdict.decision == "accept"
    assert "By learning, the network moved policy entropy" in verdict.reasons
    assert [metric.name for metric in frozen.of("alert")] == ["entropy"]
    assert decide(frozen).decision == "reject"


def test_a_change_shared_with_the_frozen_reference_is_not_attributed_to_learning() -> None:
    cycles, baseline = a_night(10)
    pressure = np.linspace(1.0, 1.3, CYCLES)
    cycles[REFERENCE + INTENSITY] *= pressure
    cycles[INTENSITY] = cycles[REFERENCE + INTENSITY] * np.linspace(1.0, 0.8, CYCLES)
    verdict = decide(detect_drift(cycles, baseline, learning=True))
    assert verdict.decision == "reject"
    assert "learning alone is not the reason" in verdict.reasons


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1.0, 1e200])
def test_noise_of_any_size_gives_a_sound_probability(size: float) -> None:
    random = np.random.default_rng(3)
    values, baseline = size * random.normal(size=20), size * random.normal(size=30)
    with np.errstate(all="raise", under="ignore"):
        found = odd_cycle(values, baseline)
    assert found is not None
    assert 0.01 < found.p <= 1.0


def test_where_a_cycle_is_few_worlds_a_single_one_out_of_line_proves_nothing() -> None:
    # A quiet town, with an outage on one day in a hundred.
    random = np.random.default_rng(1)
    lone, many = [(4.0 ** random.binomial(1, 0.01, (330, worlds))).mean(axis=1) for worlds in (1, 100)]
    alarms = []
    for outages, worlds in ((lone, 1), (lone, MANY_WORLDS), (many, MANY_WORLDS)):
        values = random.normal(50.0, 1.0, 330) * outages
        cycles = {REFERENCE + INTENSITY: values[30:], "entropy": values[30:]}
        assessment = detect_drift(
            cycles, {INTENSITY: values[:30]}, learning=False, reference_worlds=worlds, network_worlds=worlds
        )
        alarms.append(sorted(metric.role for metric in assessment.of("alert")))
    assert alarms == [[], ["network", "reference"], []]
