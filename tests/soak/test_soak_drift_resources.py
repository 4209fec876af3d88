"""Drift of memory, speed and open files, whose neighbouring values resemble each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from townlet.soak.drift_detection import detect_drift
from townlet.soak.evidence import resources_of
from townlet.soak.resource_drift import RESOURCES, assess_resource, effective_number
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
    leaking = 5e8 * (1 + 0.001 * np.arange(CYCLES)) + 1e6 * resembling(random, CYCLES)
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


def test_correlated_values_count_as_fewer() -> None:
    random = np.random.default_rng(6)
    independent, alike = random.normal(size=500), resembling(random, 500, 0.8)
    assert effective_number(independent) > 350
    # n (1 - 0.8) / (1 + 0.8) = 56.
    assert 30 < effective_number(alike) < 90


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


@pytest.mark.parametrize("cycles", [16, 24, 40])
def test_noise_that_wanders_slowly_is_no_alarm_in_a_short_run(cycles: int) -> None:
    random = np.random.default_rng(cycles)
    process = np.ones(cycles, np.int64)
    series = [1000 * (1 + 0.05 * resembling(random, cycles, 0.9)) for _ in range(1000)]
    # The level at which one of eight tests of a soak counts as certain; 5 to 14 of them did when r was not corrected.
    assert sum(smallest_p(values, MEMORY, process) * 8 <= 0.0005 for values in series) <= 3
