"""The study of the drift detector: planted changes, simulated nights, kept outcomes and the report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.places import QUEUE_CONFLICT

from townlet.baselines.measure import measure_seed
from townlet.behavior import ScriptedBehavior
from townlet.config import load_scenario
from townlet.metrics import CONFLICT_INTENSITY, MEMORY, RIVALRY, SPEED
from townlet.soak.drift_detection import detect_drift
from townlet.study.drift.cycle_pools import CyclePool, first_seed, make_pool, variant_of
from townlet.study.drift.nights import AUTOCORRELATIONS, KINDS, Kind, NightSampler, Outcome, RecordedSoak
from townlet.study.drift.outcome_cache import OutcomeCache
from townlet.study.drift.plan import study_drift, variants
from townlet.study.drift.planted_changes import (
    PLANTED_CHANGES,
    with_conflict_weights,
    with_grudge_decay,
    with_slower_uses,
)
from townlet.study.drift.recorded_soak import studied_scenario
from townlet.study.drift.report import write_drift_report
from townlet.study.drift.settings import FULL, Settings, Size

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
    scenario, names = load_scenario(SCENARIO), [name for name, _ in variants(FULL.night)]
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


def recorded(cycles: int) -> RecordedSoak:
    """A recording in which every value says which cycle it is of."""
    names = (MEMORY, "open_files", SPEED, "log_bytes_per_cycle")
    resources = {name: np.arange(float(cycles)) for name in names}
    return RecordedSoak({"entropy": np.arange(float(cycles))}, resources, 0.1, reference_worlds=64, network_worlds=64)


def sampler(cycles: int, values: np.ndarray | None = None) -> NightSampler:
    pool = CyclePool({CONFLICT_INTENSITY: np.arange(400.0) if values is None else values})
    return NightSampler({"": pool}, {False: recorded(cycles), True: recorded(cycles)}, seeds=30)


def test_a_soaks_cycles_and_its_baseline_share_no_rollout(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        "townlet.study.drift.nights.detect_drift",
        lambda cycles, baseline, **others: seen.append((cycles, baseline)) or detect_drift(cycles, baseline, **others),
    )
    sampler(60).simulate(np.random.default_rng(0), 40, Kind(False, None))
    cycles, baseline = seen[0]
    drawn = [*baseline[CONFLICT_INTENSITY], *cycles[f"reference_{CONFLICT_INTENSITY}"]]
    assert len(drawn) == len(set(drawn)) == 70


@pytest.mark.parametrize(("worlds", "flagged"), [(1, False), (64, True)])
def test_a_single_cycle_counts_only_as_a_mean_over_many_worlds_as_in_a_night(worlds: int, flagged: bool) -> None:
    entropy = np.random.default_rng(3).normal(1.0, 0.01, 60)
    entropy[7] += 5.0
    soak = replace(recorded(60), network={"entropy": entropy}, network_worlds=worlds)
    nights = NightSampler({"": CyclePool({CONFLICT_INTENSITY: np.arange(400.0)})}, {False: soak}, seeds=30)
    outcomes = [nights.simulate(np.random.default_rng(seed), 40, Kind(False, None)) for seed in range(4)]
    assert any("entropy" in outcome.metrics for outcome in outcomes) == flagged


def test_recorded_resources_are_one_stretch_or_blocks_and_noise_has_its_autocorrelation() -> None:
    nights, random = sampler(200), np.random.default_rng(1)
    stretch = nights._resources(random, 150, Kind(True, None))[MEMORY]
    assert np.isnan(stretch[:2]).all() and (np.diff(stretch[2:]) == 1).all()
    blocks = nights._resources(random, 300, Kind(True, None))[SPEED]
    assert (np.diff(blocks[2:]) == 1).sum() >= 297 - 5
    for r in AUTOCORRELATIONS:
        noise = nights._resources(random, 20_000, Kind(False, r))[MEMORY][2:]
        assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(r, abs=0.03)
        assert noise.std() / 99.5 == pytest.approx(0.05, rel=0.2)


def test_half_of_all_kinds_of_soaks_have_recorded_resources_and_half_learn() -> None:
    assert {kind.autocorrelation for kind in KINDS} == {None, *AUTOCORRELATIONS}
    assert sum(kind.autocorrelation is None for kind in KINDS) == sum(kind.learning for kind in KINDS) == len(KINDS) / 2


def test_cached_verdicts_belong_to_the_values_that_they_were_drawn_from(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(100.0, 2.0, 60)
    altered = values.copy()
    altered[7] += 1e-9
    digests = [sampler(60, values).digest(), sampler(60, altered).digest(), sampler(61, values).digest()]
    assert digests[0] == sampler(60, values.copy()).digest() and len(set(digests)) == 3
    asked = []
    for digest in (digests[0], digests[0], digests[1]):
        cache = OutcomeCache(tmp_path, {"from": digest})
        found = cache.get("a night", lambda digest=digest: asked.append(digest) or Outcome("accept", (), (MEMORY,)))
        assert found == Outcome("accept", (), (MEMORY,))
    assert asked == digests[:2]


def test_a_town_is_studied_in_a_smaller_copy_and_a_drill_as_it_is(tmp_path: Path) -> None:
    town = load_scenario(studied_scenario("town_day", Size(2, 20), tmp_path))
    assert (town.name, town.ticks, town.training.worlds, town.training.rollout_ticks) == ("town_day", 20, 2, 20)
    assert studied_scenario("queue_conflict", Size(256), tmp_path).name == SCENARIO.name
    assert [file.name for file in tmp_path.iterdir()] == ["town_day.yaml"]


def test_the_study_finds_what_is_planted_and_writes_what_it_counted(tmp_path: Path) -> None:
    size = {"queue_conflict": Size(128), "rivalry_decay": Size(16)}
    tiny = Settings("tiny", size, 8, 2, pool=80, planted_pool=44, recorded=42, lengths=(16, 40), night=40)
    findings = study_drift(tiny, tmp_path / "work", lambda done, total, note: None)
    found = {one.change.name: one for one in findings.powers}
    assert set(found) == {change.name for change in PLANTED_CHANGES}
    for name, share in (("pressure +10 %", 0.1), ("pressure -10 %", -0.1)):
        assert found[name].not_accepted == found[name].named == 2
        assert found[name].dose == pytest.approx(share, abs=0.03)
    assert [(one.cycles, one.soaks, one.not_accepted) for one in findings.unchanged] == [(16, 8, 0), (40, 8, 0)]
    # A process that warms up leaves a soak of 16 cycles too few to test any resource.
    assert findings.unchanged[0].untold == 8
    page = write_drift_report(findings, tmp_path, "townlet study drift", "Run by a test")
    counts = json.loads((tmp_path / "drift-detection.json").read_text())
    assert [one["not_accepted"] for one in counts["unchanged"]] == [0, 0]
    assert len(counts["planted"]) == len(PLANTED_CHANGES)
    assert "do **not** show that at most 1 in 1,000" in " ".join(page.read_text().split())
    again = study_drift(tiny, tmp_path / "work", lambda done, total, note: None)
    assert again.unchanged == findings.unchanged and again.powers == findings.powers
