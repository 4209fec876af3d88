"""Progress of a soak: the metric whose mean so far is farthest from the baseline, and the time left."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from support.places import ROOT
from support.tiny_soak import rows_of, tiny_options

from townlet.baselines import Baseline, promoted_baseline, read_baseline
from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY, REWARD
from townlet.soak.drift_detection import REFERENCE
from townlet.soak.progress import Farthest, ProgressTracker, SoakProgress, farthest_metric
from townlet.soak.run import run_soak

Row = dict[str, float]


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return promoted_baseline("queue_conflict", ROOT / "baselines")[1]


def rows_like(baseline: Baseline, count: int, **moved: float) -> list[Row]:
    """Cycles at the baseline's means, except that some metrics are moved by a number of the seeds' deviations."""
    row = {
        REFERENCE + name: metric.mean + moved.get(name, 0.0) * metric.sd for name, metric in baseline.metrics.items()
    }
    return [row] * count


def test_the_farthest_metric_is_told_in_standard_deviations_of_the_mean_so_far(baseline: Baseline) -> None:
    assert farthest_metric([], baseline) is None
    for count in (1, 30, 300):
        found = farthest_metric(rows_like(baseline, count, **{CONFLICT_INTENSITY: -0.8, REWARD: 0.5}), baseline)
        assert found is not None and found.metric == CONFLICT_INTENSITY
        # The baseline's 30 seeds have a mean that is off by chance, too.
        assert found.deviations == pytest.approx(-0.8 / math.sqrt(1 / count + 1 / 30))
    assert str(found) == "conflict intensity 4.2 sd below the baseline"


def test_cycles_drawn_from_the_baselines_seeds_stay_near_it_however_many_there_are(baseline: Baseline) -> None:
    random = np.random.default_rng(0)
    largest = []
    for _ in range(200):
        seeds = random.integers(0, len(baseline.seeds), 50)
        rows = [{REFERENCE + name: metric.samples[seed] for name, metric in baseline.metrics.items()} for seed in seeds]
        found = farthest_metric(rows, baseline)
        assert found is not None
        largest.append(abs(found.deviations))
    assert 0.5 < np.median(largest) < 2.0 and np.quantile(largest, 0.95) < 3.0


def test_a_metric_that_never_varies_is_far_away_as_soon_as_it_changes() -> None:
    _, baseline = promoted_baseline("employment_punctuality", ROOT / "baselines")
    assert all(metric.sd == 0.0 for metric in baseline.metrics.values())
    (row,) = rows_like(baseline, 1)
    # A sum of many equal numbers is rounded; that is no change.
    unchanged = farthest_metric([row] * 3001, baseline)
    assert unchanged is not None and unchanged.deviations == 0.0
    changed = row | {REFERENCE + COMPLETED_USES: 0.99 * row[REFERENCE + COMPLETED_USES]}
    found = farthest_metric([row] * 9 + [changed], baseline)
    assert found == Farthest(COMPLETED_USES, -math.inf)
    assert str(found) == "completed uses below the baseline, where it never varies"


def test_a_metric_that_a_cycle_lacks_is_not_compared(baseline: Baseline) -> None:
    row, *more = rows_like(baseline, 3, **{CONFLICT_INTENSITY: 9.0, REWARD: 1.0})
    lacking = {name: value for name, value in row.items() if name != REFERENCE + CONFLICT_INTENSITY}
    found = farthest_metric([*more, lacking], baseline)
    assert found is not None and found.metric == REWARD


def test_the_time_left_follows_from_the_cycles_after_a_processs_first(baseline: Baseline) -> None:
    row, *before = rows_like(baseline, 4)
    watch = ProgressTracker(baseline, cycles=20, hours=None, rows=before)
    said = [watch.after(4 + cycle, row, seconds=took, total=0.0) for cycle, took in enumerate((60.0, 1.0, 3.0))]
    assert [now.seconds_left for now in said] == [None, 15.0, 14 * 2.0]
    assert str(said[0]).startswith("cycle 4 of 20, farthest: ") and str(said[2]).startswith("cycle 6 of 20, 28 s left")


def test_the_time_left_is_that_of_hours_or_of_cycles_whichever_end_first(baseline: Baseline) -> None:
    (row,) = rows_like(baseline, 1)
    timed = ProgressTracker(baseline, cycles=None, hours=2.0, rows=[])
    now = timed.after(1, row, seconds=60.0, total=1800.0)
    assert now.seconds_left == 5400.0 and str(now).startswith("cycle 1, 1.5 h left, farthest: ")
    both = ProgressTracker(baseline, cycles=101, hours=1.0, rows=[])
    assert both.after(1, row, seconds=60.0, total=60.0).seconds_left is None
    assert both.after(2, row, seconds=20.0, total=80.0).seconds_left == 99 * 20.0
    assert both.after(3, row, seconds=20.0, total=3590.0).seconds_left == 10.0


def test_after_every_cycle_a_soak_says_how_far_it_is_and_what_is_farthest_from_the_baseline(
    tmp_path: Path,
) -> None:
    said: list[SoakProgress] = []
    part = tiny_options(tmp_path, cycles=5)
    run_soak(part, most=2, progress=said.append)
    run_soak(part, resume=True, progress=said.append)
    assert [(now.done, now.planned) for now in said] == [(cycle, 5) for cycle in range(1, 6)]
    # A process's first cycle tells nothing about the next ones.
    assert [now.seconds_left is None for now in said] == [True, False, True, False, False]
    assert said[-1].seconds_left == 0.0 and said[3].seconds_left > 0.0
    rows, baseline = rows_of(part.output), read_baseline(str(part.baseline))
    assert [now.farthest for now in said] == [farthest_metric(rows[:cycle], baseline) for cycle in range(1, 6)]
    assert str(said[3]) == f"cycle 4 of 5, {said[3].seconds_left:.0f} s left, farthest: {said[3].farthest}"
