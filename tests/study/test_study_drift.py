"""The study of the drift detector: planted changes, simulated nights, kept outcomes and the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.places import QUEUE_CONFLICT

from townlet.baselines.measure import measure_seed
from townlet.behavior import ScriptedBehavior
from townlet.config import load_scenario
from townlet.metrics import CONFLICT_INTENSITY, RIVALRY
from townlet.study.drift.cycle_pools import CyclePool, first_seed, make_pool, variant_of
from townlet.study.drift.nights import NightSampler, Outcome, RecordedSoak
from townlet.study.drift.outcome_cache import OutcomeCache
from townlet.study.drift.plan import study_drift, variants
from townlet.study.drift.planted_changes import (
    PLANTED_CHANGES,
    with_conflict_weights,
    with_grudge_decay,
    with_slower_uses,
)
from townlet.study.drift.report import write_drift_report
from townlet.study.drift.settings import FULL, Settings

SCENARIO = QUEUE_CONFLICT


def measured(scenario, seed: int = 3) -> dict[str, float]:  # type: ignore[no-untyped-def]
    return measure_seed(scenario, ScriptedBehavior(scenario), 64, seed)


@pytest.mark.parametrize("factor", [0.8, 0.95, 1.1])
def test_pressure_changes_conflict_intensity_by_its_factor_and_the_queue_not_at_all(factor: float) -> None:
    scenario = load_scenario(SCENARIO)
    before, after = measured(scenario), measured(with_conflict_weights(scenario, factor))
    assert after[CONFLICT_INTENSITY] == pytest.approx(factor * before[CONFLICT_INTENSITY])
    assert after["queue_conflict_events_per_1000"] == before["queue_conflict_events_per_1000"]


def test_a_leak_in_grudge_decay_keeps_grudges_and_a_slower_shower_serves_fewer() -> None:
    scenario = load_scenario(SCENARIO)
    before = measured(scenario)
    assert measured(with_grudge_decay(scenario, 0.75))[RIVALRY] > before[RIVALRY]
    assert measured(with_slower_uses(scenario))["uses_completed_per_1000"] < before["uses_completed_per_1000"]


def test_every_planted_change_names_variants_that_exist_and_seeds_that_none_shares() -> None:
    scenario, names = load_scenario(SCENARIO), variants(FULL.cycles)
    altered = [variant_of(scenario, name) for name in names]
    assert len({one.town_digest for one in [scenario, *altered]}) == len(names) + 1
    firsts = sorted(first_seed(name) for name in ["", *names])
    assert min(np.diff(firsts)) >= FULL.pool


def test_a_pool_is_resumed_where_it_was_and_longer_ones_begin_like_shorter_ones(tmp_path: Path) -> None:
    scenario = load_scenario(SCENARIO)
    short = make_pool(scenario, "", 3, 4, tmp_path, lambda done: None)
    done: list[int] = []
    long = make_pool(scenario, "", 5, 4, tmp_path, done.append)
    assert done == [4, 5]
    fresh = make_pool(scenario, "", 5, 4, tmp_path / "fresh", lambda done: None)
    for name, values in fresh.values.items():
        assert values.tolist() == long.values[name].tolist()
        assert values[:3].tolist() == short.values[name].tolist()


def test_a_nights_cycles_and_its_baseline_share_no_rollout() -> None:
    pool = CyclePool({CONFLICT_INTENSITY: np.arange(50.0)})
    recorded = RecordedSoak({"entropy": np.arange(30.0)}, {})
    nights = NightSampler({"": pool}, recorded, cycles=20, seeds=30)
    random = np.random.default_rng(0)
    baseline, rows = nights.baseline(random)
    cycles = nights._reference(random, None, rows)[f"reference_{CONFLICT_INTENSITY}"]
    assert sorted([*baseline[CONFLICT_INTENSITY], *cycles]) == pool.values[CONFLICT_INTENSITY].tolist()


def test_cached_verdicts_belong_to_the_values_that_they_were_drawn_from(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(100.0, 2.0, 60)

    def digest_of(intensity: np.ndarray, memory: np.ndarray) -> str:
        recorded = RecordedSoak({"entropy": values}, {"resident_memory_bytes": memory})
        return NightSampler({"": CyclePool({CONFLICT_INTENSITY: intensity})}, recorded, cycles=20, seeds=30).digest()

    altered = values.copy()
    altered[7] += 1e-9
    digests = [digest_of(values, values), digest_of(altered, values), digest_of(values, altered)]
    assert digests[0] == digest_of(values.copy(), values.copy()) and len(set(digests)) == 3
    asked = []
    for digest in (digests[0], digests[0], digests[1]):
        cache = OutcomeCache(tmp_path, {"from": digest})
        cache.get("a night", lambda digest=digest: asked.append(digest) or Outcome("accept", (), 3))
    assert asked == digests[:2]


def test_resources_of_two_stretches_that_do_not_overlap_share_no_cycle() -> None:
    recorded = RecordedSoak({"entropy": np.arange(53.0)}, {"open_files": np.arange(53.0)})
    nights = NightSampler({"": CyclePool({CONFLICT_INTENSITY: np.arange(50.0)})}, recorded, cycles=20, seeds=30)
    first, second = (nights._resources(begin, None)["open_files"] for begin in nights.stretches())
    assert first.tolist() == list(range(20)) and second.tolist() == list(range(20, 40))


def test_the_study_finds_what_is_planted_and_writes_what_it_counted(tmp_path: Path) -> None:
    tiny = Settings(
        "tiny",
        ("queue_conflict", "kitchen_breakfast"),
        nights=6,
        planted_nights=4,
        baselines=2,
        nights_per_baseline=2,
        pool=60,
        planted_pool=24,
        soak_cycles=26,
        cycles=20,
        seeds=20,
        worlds=64,
    )
    findings = study_drift(tiny, tmp_path / "work", lambda done, total, note: None)
    found = {one.change.name: one for one in findings.powers}
    assert set(found) == {change.name for change in PLANTED_CHANGES}
    for name, share in (("pressure +20 %", 0.2), ("pressure -20 %", -0.2)):
        assert found[name].rejected == found[name].named == 4
        assert found[name].dose == pytest.approx(share, abs=0.03)
    assert findings.false_nights_of_metrics <= findings.false_nights <= 1
    # Of 24 recorded cycles that are warm, 20 make a night.
    assert {stretches for stretches, _ in findings.stretches.values()} == {1}
    assert found["memory leak"].nights == found["throughput loss"].nights == 2
    page = write_drift_report(findings, tmp_path, "townlet study drift", "Run by a test")
    counts = json.loads((tmp_path / "drift-detection.json").read_text())
    assert counts["unchanged"]["nights_not_accepted"] == findings.false_nights
    assert len(counts["planted"]) == len(PLANTED_CHANGES)
    assert "The upper bound does **not** show" in " ".join(page.read_text().split())
    again = study_drift(tiny, tmp_path / "work", lambda done, total, note: None)
    assert again.per_baseline == findings.per_baseline
    assert [one.not_accepted for one in again.powers] == [one.not_accepted for one in findings.powers]
