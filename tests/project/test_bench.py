"""Measuring speed: the same protocol for everything, a process for each measurement, and readable results."""

from __future__ import annotations

import json
import os
import statistics
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from support.places import QUEUE_CONFLICT

from townlet.behavior.network import ActorCritic
from townlet.bench.cases import STANDARD, choose_cases, worlds_in_words
from townlet.bench.process import measure_apart
from townlet.bench.protocol import CACHE_BYTES, cycle_rows, drawn_actions, measure_rates
from townlet.bench.puffer import ENVIRONMENTS
from townlet.bench.town import one_tick_of, with_observations
from townlet.bench.trainer import operations_per_step
from townlet.cli import main
from townlet.config import load_scenario
from townlet.config.training import NetworkConfig
from townlet.errors import RunError
from townlet.world import Town

QUICK = ["bench", "world", "--scenario", str(QUEUE_CONFLICT), "--repeats", "3", "--seconds", "0.01", "--rounds", "2"]
KEYS = {
    "case",
    "agent_steps_per_second",
    "spread",
    "core_share",
    "bytes_per_world",
    "worlds",
    "people",
    "features",
    "actions",
    "protocol",
    "machine",
    "best",
    "ratios",
    "ratio_spreads",
    "rounds",
}

#: A PufferLib of two environments: one that works as `snake` does, and one that crashes.
PUFFERLIB = {
    "pufferlib/__init__.py": "__version__ = '3.0'",
    "pufferlib/ocean/__init__.py": "",
    "pufferlib/ocean/snake/snake.py": """
from types import SimpleNamespace
import numpy as np

class Snake:
    def __init__(self, num_envs):
        self.num_agents = 5 * num_envs
        self.single_observation_space = SimpleNamespace(shape=(11, 11))
        self.single_action_space = SimpleNamespace(n=4)
        self.is_reset = False
    def reset(self, seed):
        self.is_reset = True
    def step(self, actions):
        assert self.is_reset and actions.shape == (self.num_agents,) and actions.dtype == np.int32
        assert 0 <= actions.min() and actions.max() < 4
""",
    "pufferlib/ocean/cpr/cpr.py": "import os; os.abort()",
}


@pytest.fixture
def no_pufferlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides an installed PufferLib."""
    (tmp_path / "pufferlib.py").write_text("raise ImportError('no PufferLib here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.fixture
def some_pufferlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs the PufferLib above."""
    for name, source in PUFFERLIB.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_bench_world_prints_one_json_object_per_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, "--no-reference", "--json", "--worlds", "2", "--worlds", "32"]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["case"] for result in results] == ["queue_conflict, 2 worlds", "queue_conflict, 32 worlds"]
    for result in results:
        assert set(result) == KEYS
        slowest, fastest = result["spread"]
        assert 0 < slowest <= result["agent_steps_per_second"] <= fastest
        # Only the fastest batch size is measured again.
        assert len(result["rounds"]) == (2 if result["best"] else 1)
        assert result["agent_steps_per_second"] == pytest.approx(statistics.median(result["rounds"]), abs=1)
        assert result["people"] == 3 and result["features"] > 10 and result["bytes_per_world"] > 1000
        assert result["protocol"] == "drawn" and result["ratios"] == {}
    assert [result["worlds"] for result in results] == [2, 32]
    fastest_case = max(results, key=lambda result: result["rounds"][0])
    assert [result["best"] for result in results] == [result is fastest_case for result in results]


@pytest.mark.usefixtures("no_pufferlib")
def test_uncompiled_rules_are_a_reference_of_the_same_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, "--json", "--worlds", "8"]) == 0
    captured = capsys.readouterr()
    compiled, uncompiled = (json.loads(line) for line in captured.out.splitlines())
    assert uncompiled["case"] == "queue_conflict, uncompiled" and uncompiled["ratios"] == {}
    each = [fast / slow for fast, slow in zip(compiled["rounds"], uncompiled["rounds"], strict=True)]
    ratio = statistics.median(each)
    assert compiled["ratios"] == {"queue_conflict, uncompiled": pytest.approx(ratio, rel=0.01)}
    assert compiled["ratio_spreads"] == {"queue_conflict, uncompiled": pytest.approx([min(each), max(each)], rel=0.01)}
    # Compiled rules are some hundred times faster; a mistake that loses this shows even on a busy machine.
    assert ratio > 10
    assert "not measured: PufferLib's environments (ImportError: no PufferLib here)" in captured.err


@pytest.mark.usefixtures("some_pufferlib")
def test_pufferlib_is_timed_beside_the_town_and_a_broken_environment_is_noted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*QUICK, "--worlds", "8", "--pufferlib", sys.executable, "--json"]) == 0
    captured = capsys.readouterr()
    results = {result["case"]: result for result in map(json.loads, captured.out.splitlines())}
    town = results.pop("queue_conflict, 8 worlds")
    del results["queue_conflict, uncompiled"]
    assert list(results) == [f"pufferlib snake, {worlds_in_words(worlds)}" for worlds in ENVIRONMENTS["snake"].worlds]
    (best,) = (result for result in results.values() if result["best"])
    each = [own / other for own, other in zip(town["rounds"], best["rounds"], strict=True)]
    assert town["ratios"]["pufferlib snake"] == pytest.approx(statistics.median(each), rel=0.01)
    for result in results.values():
        assert set(result) == KEYS and result["people"] == 5 and result["features"] == 121
        assert result["machine"]["pufferlib"] == "3.0"
    notes = captured.err.splitlines()
    assert "not measured: pufferlib cpr, 1 world: ended by SIGABRT" in notes
    assert sum("pufferlib rware" in note for note in notes) == 1


@pytest.mark.usefixtures("some_pufferlib")
def test_people_get_tables_with_rates_ratios_and_the_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main([*QUICK, "--worlds", "8", "--actions", "legal"]) == 0
    out = capsys.readouterr().out
    for text in ("queue_conflict, legal actions ", "times as fast as", "pufferlib snake", "One core of"):
        assert text in out


@pytest.mark.parametrize("python", ["/nowhere/python", sys.executable])
@pytest.mark.usefixtures("no_pufferlib")
def test_an_interpreter_without_pufferlib_is_refused_before_anything_is_measured(
    python: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*QUICK, "--pufferlib", python]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith("error: --pufferlib: found ")


def test_a_scenario_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "world", "--scenario", "queue_conflit"]) == 2
    assert "did you mean 'queue_conflict'?" in capsys.readouterr().err


def test_standard_cases_begin_with_a_day_in_town_in_every_batch_size() -> None:
    cases = choose_cases([], [], None, "drawn")
    assert [case.group for case in cases[:5]] == ["town_day compact"] * 5
    assert {case.group for case in cases} == {f"{name} {mode}" for name, mode, _ in STANDARD}
    assert {case.worlds for case in choose_cases([], [7], None, "drawn")} == {7}
    assert {case.observations for case in choose_cases([], [], "full", "legal")} == {"full"}


def test_rates_are_medians_of_repeats_of_whole_episodes_and_count_what_was_done() -> None:
    ticks, seen = 0, []

    def step() -> None:
        nonlocal ticks
        ticks += 1

    def agent_steps() -> float:
        seen.append(ticks)
        return 3.0 * ticks

    rates = measure_rates(step, agent_steps, seconds=0.01, repeats=4, period=7)
    lengths = {after - before for before, after in zip(seen[::2], seen[1::2], strict=True)}
    assert len(seen) == 8 and len(lengths) == 1
    length = lengths.pop()
    assert length > 0 and length % 7 == 0
    assert seen[0] > length, "a warm-up comes first"
    slowest, fastest = rates["spread"]
    assert 0 < slowest <= rates["agent_steps_per_second"] <= fastest
    assert 0 < rates["core_share"] <= 1


def test_drawn_actions_cover_the_whole_space_in_bounded_memory_and_repeat() -> None:
    actions = drawn_actions(11, (4, 8))
    assert actions.shape == (1024, 4, 8) and set(np.unique(actions)) == set(range(11))
    assert np.array_equal(actions, drawn_actions(11, (4, 8)))
    assert drawn_actions(11, (64, 1000)).nbytes <= CACHE_BYTES
    rows = cycle_rows(actions[:2])
    assert all(np.array_equal(next(rows), actions[index]) for index in (0, 1, 0, 1))


@pytest.mark.parametrize("protocol", ["drawn", "legal"])
def test_the_town_is_reset_at_its_time_limit(protocol: str) -> None:
    town = Town(load_scenario(QUEUE_CONFLICT), worlds=1, seed=0)
    tick = one_tick_of(town, protocol)
    for _ in range(town.scenario.ticks + 3):
        tick()
    assert town.tick == 3
    assert int(town.state.worlds["clock"][0]) == town.scenario.ticks + 3


def test_observations_take_the_place_of_the_scenarios_own() -> None:
    scenario = load_scenario(QUEUE_CONFLICT)
    hybrid = with_observations(scenario, "hybrid")
    assert hybrid.observations.mode == "hybrid" and hybrid.rules == scenario.rules
    assert with_observations(scenario, None) is scenario
    with pytest.raises(ValidationError, match="compact"):
        with_observations(scenario, "blurred")


def test_a_measurement_has_one_core_and_one_thread_and_an_empty_folder_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "probe.py").write_text(
        "import os\n"
        "def look(): return [os.environ['OMP_NUM_THREADS'], os.listdir()]\n"
        "def cores(): return len(os.sched_getaffinity(0))\n"
        "def fail(): raise ValueError('of no use')\n"
        "def hang(): import time; time.sleep(60)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert measure_apart("probe:look", {}) == ["1", []]
    if hasattr(os, "sched_getaffinity"):
        assert measure_apart("probe:cores", {}) == 1
    with pytest.raises(RunError, match=r"^ValueError: of no use$"):
        measure_apart("probe:fail", {})
    with pytest.raises(RunError, match="stopped after"):
        measure_apart("probe:hang", {}, limit=1.0)


QUICK_TRAINING = [
    *("bench", "train", "--scenario", str(QUEUE_CONFLICT), "--worlds", "4", "--ticks", "8", "--minibatch", "32"),
    *("--repeats", "2", "--activation", "relu", "--threads", "1"),
]
TRAINING_KEYS = {
    *("case", "agent_steps_per_second", "spread", "share_simulate", "share_infer", "share_learn", "share_matmul"),
    *("matmul_gflops", "core_share", "ratio_to_sb3", "ratios", "epochs", "activation", "worlds", "ticks"),
    *("minibatch_size", "threads", "people", "features", "actions", "machine"),
}


def test_bench_train_prints_one_json_object_per_case_with_the_share_of_each_phase(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*QUICK_TRAINING, "--no-reference", "--json", "--epochs", "1", "--epochs", "3"]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["case"] for result in results] == [
        "queue_conflict compact, relu, 1 epoch",
        "queue_conflict compact, relu, 3 epochs",
    ]
    for result in results:
        assert set(result) == TRAINING_KEYS
        slowest, fastest = result["spread"]
        assert 0 < slowest <= result["agent_steps_per_second"] <= fastest
        shares = [result[f"share_{phase}"] for phase in ("simulate", "infer", "learn")]
        assert min(shares) > 0 and sum(shares) == pytest.approx(1.0, abs=0.1)
        assert 0 < result["share_matmul"] < 1 and result["matmul_gflops"] > 0.1
        assert result["ratio_to_sb3"] is None and result["ratios"] == {}
    assert [result["epochs"] for result in results] == [1, 3]


def test_stable_baselines3_trains_in_the_same_town_with_the_same_network_for_comparison(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("stable_baselines3")
    pytest.importorskip("supersuit")
    assert main([*QUICK_TRAINING, "--json", "--epochs", "1"]) == 0
    own, other = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert other["case"] == "stable-baselines3, relu, 1 epoch"
    assert own["ratio_to_sb3"] == pytest.approx(
        own["agent_steps_per_second"] / other["agent_steps_per_second"], rel=0.01
    )
    assert own["ratios"] == {"stable-baselines3": own["ratio_to_sb3"]}


def test_without_stable_baselines3_the_ratio_is_null_and_the_reason_is_given(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stable_baselines3.py").write_text("raise ImportError('no SB3 here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert main([*QUICK_TRAINING, "--json", "--epochs", "1"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["ratio_to_sb3"] is None
    assert "not measured: Stable-Baselines3's PPO (ImportError: no SB3 here); pip install" in captured.err
    assert "not measured: PufferLib's trainer; give --pufferlib" in captured.err


@pytest.mark.usefixtures("some_pufferlib")
def test_an_interpreter_without_pufferlibs_trainer_is_refused_before_anything_is_trained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*QUICK_TRAINING, "--pufferlib", sys.executable]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "error: --pufferlib: found ModuleNotFoundError: " in captured.err


def test_people_get_a_table_of_rates_and_shares(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main([*QUICK_TRAINING, "--no-reference", "--epochs", "1"]) == 0
    out = capsys.readouterr().out
    for text in ("queue_conflict compact, relu, 1 epoch", "simulate", "learn", "GFLOP/s", "One core of"):
        assert text in out


def test_operations_are_counted_for_acting_and_for_each_epoch_of_learning() -> None:
    network = ActorCritic(10, 3, NetworkConfig(hidden=(7, 5)))
    forward = 10 * 7 + 7 * 5 + 5 * 3 + 5 * 1
    by_weights, by_inputs = forward, 7 * 5 + 5 * 3 + 5 * 1
    assert operations_per_step(network, 4) == 2 * (forward + 4 * (forward + by_weights + by_inputs))


def test_a_measuring_process_has_as_many_cores_and_threads_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "probe.py").write_text(
        "import os\ndef look(): return [os.environ['OMP_NUM_THREADS'], len(os.sched_getaffinity(0))]\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    if hasattr(os, "sched_getaffinity"):
        assert measure_apart("probe:look", {}, cores=2) == ["2", min(2, len(os.sched_getaffinity(0)))]
