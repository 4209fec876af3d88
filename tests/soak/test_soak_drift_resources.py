"""Drift of memory, speed and open files, whose neighbouring values resemble each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from townlet.soak.drift_detection import REFERENCE, detect_drift
from townlet.soak.evidence import resources_of
from townlet.soak.resource_drift import RESOURCES, assess_resource
from townlet.soak.resources import Meter, Yardstick
from townlet.soak.verdict import decide

MEMORY, _, SPEED, _ = RESOURCES
CYCLES = 60
ONE_PROCESS = np.ones(CYCLES, np.int64)
RATE = 1e-5


def resembling(random: np.random.Generator, amount: int, likeness: float = 0.6) -> np.ndarray:
    """An autoregressive series of order 1 with variance 1."""
    noise = random.normal(0.0, np.sqrt(1 - likeness**2), amount)
    values = np.empty(amount)
    values[0] = random.normal()
    for index in range(1, amount):
        values[index] = likeness * values[index - 1] + noise[index]
    return values


def smallest_p(values: np.ndarray, resource=MEMORY, process: np.ndarray = ONE_PROCESS) -> float:  # type: ignore[no-untyped-def]
    return min(finding.p for finding in assess_resource(values, process, resource)[0])


def test_a_leak_of_memory_is_found_and_the_soak_rejected() -> None:
    random = np.random.default_rng(0)
    leaking = 5e8 * (1 + 0.003 * np.arange(CYCLES)) + 1e6 * resembling(random, CYCLES)
    assert smallest_p(leaking) < RATE
    assessment = detect_drift({}, {}, learning=False, resources={"resident_memory_bytes": leaking})
    assert [metric.name for metric in assessment.of("alert")] == ["resident_memory_bytes"]
    assert decide(assessment).decision == "reject"


def test_a_leak_is_found_in_memory_that_otherwise_hardly_moves() -> None:
    steps = np.cumsum(np.random.default_rng(8).random(CYCLES) < 0.1) * 1e5
    assert smallest_p(5e8 * (1 + np.linspace(0, 0.1, CYCLES)) + steps) < RATE
    assert smallest_p(5e8 + steps) == 1.0


def test_noise_that_wanders_without_return_raises_no_alarm() -> None:
    random = np.random.default_rng(9)
    series = [1e5 * np.exp(0.02 * np.cumsum(random.normal(size=CYCLES))) for _ in range(300)]
    # A walk that ended far below its start may well look like a loss; at the corrected level hardly any may.
    assert sum(smallest_p(values, SPEED) <= RATE for values in series) <= 2


def test_memory_that_only_a_fresh_process_gives_back_is_a_leak() -> None:
    process = 1 + np.arange(CYCLES) // 20
    within = np.arange(CYCLES) % 20
    leaking = 5e8 + 2e6 * within + 2e5 * resembling(np.random.default_rng(1), CYCLES)
    assert smallest_p(leaking, process=process) < RATE


def test_processes_of_different_size_are_no_leak() -> None:
    process = 1 + np.arange(CYCLES) // 20
    stepped = 5e8 + 1e8 * process + 2e5 * np.random.default_rng(2).normal(size=CYCLES)
    slope = assess_resource(stepped, process, MEMORY)[0][0]
    assert (slope.test, slope.p > 0.5) == ("trend", True)


def test_growth_below_the_margin_is_shown_to_be_within_it() -> None:
    grown = 5e8 * (1 + np.linspace(0, 0.01, CYCLES))
    findings, quarters = assess_resource(grown, ONE_PROCESS, MEMORY)
    assert min(finding.p for finding in findings) == 1.0
    assert quarters is not None
    assert quarters.equal


def test_a_loss_of_speed_is_harm_and_a_gain_is_none() -> None:
    random, process = np.random.default_rng(3), np.ones(100, np.int64)
    halfway = np.where(np.arange(100) < 50, 1.0, 0.8)
    noise = 1 + 0.01 * resembling(random, 100, 0.3)
    assert smallest_p(1e5 * halfway * noise, SPEED, process) < RATE
    assert smallest_p(1e5 / halfway * noise, SPEED, process) > 0.9


def test_autocorrelated_noise_raises_no_alarm() -> None:
    random = np.random.default_rng(4)
    series = [1e5 * (1 + 0.05 * resembling(random, CYCLES)) for _ in range(400)]
    assert sum(smallest_p(values, SPEED) <= 0.001 for values in series) <= 3


def test_equal_quarters_are_claimed_only_where_the_interval_is_narrow_enough() -> None:
    random = np.random.default_rng(5)
    narrow = assess_resource(1e5 * (1 + 0.02 * random.normal(size=400)), np.ones(400, np.int64), SPEED)[1]
    wide = assess_resource(1e5 * (1 + 0.30 * random.normal(size=CYCLES)), ONE_PROCESS, SPEED)[1]
    assert narrow is not None
    assert narrow.equal
    assert wide is not None
    assert not wide.equal


def test_resources_that_wander_too_much_to_be_told_are_named_and_do_not_hold_the_soak() -> None:
    random, baseline = np.random.default_rng(6), {"uses_completed_per_1000": np.full(30, 12.5)}
    cycles = {REFERENCE + name: np.full(40, 12.5) for name in baseline}
    wandering = 5e8 * (1 + 0.2 * resembling(random, 40, 0.95))
    assessment = detect_drift(cycles, baseline, learning=False, resources={"resident_memory_bytes": wandering})
    memory = assessment.metrics[-1]
    assert (memory.name, memory.verdict) == ("resident_memory_bytes", "not enough data")
    verdict = decide(assessment)
    assert verdict.decision == "accept" and "Not enough data to assess resident memory" in verdict.reasons


def test_a_short_soak_is_not_held_for_its_few_measured_cycles_and_a_long_one_is() -> None:
    baseline = {"uses_completed_per_1000": np.full(30, 12.5)}
    for length, decision in ((16, "accept"), (40, "hold")):
        cycles = {REFERENCE + name: np.full(length, 12.5) for name in baseline}
        memory = np.full(length, np.nan)
        memory[2:14] = 5e8
        assessment = detect_drift(cycles, baseline, learning=False, resources={"resident_memory_bytes": memory})
        assert decide(assessment).decision == decision


def test_too_few_measured_cycles_say_nothing() -> None:
    values = np.full(CYCLES, np.nan)
    values[:10] = 5e8
    assert assess_resource(values, ONE_PROCESS, MEMORY) == ([], None)
    assessment = detect_drift({}, {}, learning=False, resources={"resident_memory_bytes": values})
    assert [metric.verdict for metric in assessment.metrics] == ["not enough data"]


def columns_measured(cycle_slower: float, machine_slower: float) -> dict[str, np.ndarray]:
    """Two cycles of 1,000 agent-steps and a second each, the second with other durations."""
    processor = np.array([1.0, cycle_slower * machine_slower])
    return {
        "process_cycle": np.array([8.0, 9.0]),
        "seconds": 3 * processor,
        "cpu_seconds": processor,
        "agent_steps_per_second": 1000 / (3 * processor),
        "yardstick_seconds": 0.01 * np.array([1.0, machine_slower]),
        "resident_memory_bytes": np.ones(2),
        "open_files": np.ones(2),
        "log_bytes": np.ones(2),
    }


def test_a_slower_machine_does_not_change_the_speed_and_a_slower_cycle_does() -> None:
    for cycle_slower, machine_slower, expected in ((1.0, 1.3, 10.0), (2.0, 1.3, 5.0), (2.0, 1.0, 5.0)):
        speed = resources_of(columns_measured(cycle_slower, machine_slower))[SPEED.name]
        np.testing.assert_allclose(speed, [10.0, expected])


def test_speed_is_unknown_where_no_yardstick_was_measured() -> None:
    columns = columns_measured(1.0, 1.0)
    del columns["yardstick_seconds"]
    assert np.isnan(resources_of(columns)[SPEED.name]).all()


def test_the_yardstick_is_measured_outside_of_the_cycle(tmp_path: Path) -> None:
    meter = Meter(1, tmp_path / "log.jsonl")
    meter.begin()
    for _ in range(5):
        meter.pause()
    used = meter.end(1, 0)
    # Each pause takes three times as long as the yardstick is.
    assert used["yardstick_seconds"] > used["cpu_seconds"]


def test_the_yardstick_leaves_the_networks_random_numbers_and_threads_alone() -> None:
    torch.manual_seed(7)
    threads, expected = torch.get_num_threads(), torch.rand(4, generator=torch.Generator().manual_seed(7))
    assert Yardstick().seconds() > 0.0
    assert torch.rand(4).tolist() == expected.tolist() and torch.get_num_threads() == threads


@pytest.mark.parametrize("likeness", [0.5, 0.9, 0.95])
@pytest.mark.parametrize("cycles", [16, 40, 100])
def test_noise_of_any_autocorrelation_is_no_alarm_however_short_the_run(cycles: int, likeness: float) -> None:
    random, process = np.random.default_rng([cycles, int(100 * likeness)]), np.ones(cycles, np.int64)
    series = [1000 * (1 + 0.05 * resembling(random, cycles, likeness)) for _ in range(200)]
    # The level at which one of eight tests of a soak counts as certain. Without caution, up to 8 of 1,000 did.
    assert not any(smallest_p(values, MEMORY, process) * 8 <= 0.0005 for values in series)


@pytest.mark.parametrize("likeness", [0.0, 0.6])
def test_a_tenth_of_the_speed_lost_at_once_or_slowly_is_found_in_a_scheduled_night(likeness: float) -> None:
    random, night = np.random.default_rng(13), np.arange(298)
    for lost in (0.1 * (night >= 149), 0.1 * night / 297):
        speeds = [1e5 * (1 - lost) * (1 + 0.01 * resembling(random, 298, likeness)) for _ in range(5)]
        assert all(smallest_p(one, SPEED, np.ones(298, np.int64)) < RATE for one in speeds)


def test_a_lost_tenth_is_found_although_some_cycles_are_slower_by_half() -> None:
    random = np.random.default_rng(15)
    speeds = 1e5 * (1 - 0.1 * (np.arange(298) >= 149)) * (1 + 0.02 * random.normal(size=298))
    speeds[random.random(298) < 0.1] *= 0.5
    assert smallest_p(speeds, SPEED, np.ones(298, np.int64)) < RATE


def test_a_leak_of_a_megabyte_a_cycle_is_found_in_memory_that_wanders_as_far_as_it_grows() -> None:
    night, process = np.arange(298), np.ones(298, np.int64)
    leaking = 6e8 + 1e6 * night + 1e6 * np.cumsum(np.random.default_rng(14).normal(size=298))
    assert smallest_p(leaking, MEMORY, process) < RATE
    assert smallest_p(leaking - 1e6 * night, MEMORY, process) > 0.01


def test_quarters_of_a_steady_leak_are_far_apart_however_smooth_it_is() -> None:
    night = np.arange(298)
    findings, quarters = assess_resource(6e8 + 1e6 * night + night % 2, np.ones(298, np.int64), MEMORY)
    assert quarters is not None and not quarters.equal
    assert quarters.low <= findings[1].effect <= quarters.high
    assert findings[1].effect == pytest.approx(quarters.last - quarters.first) == pytest.approx(224e6, rel=0.01)
