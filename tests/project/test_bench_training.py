"""``townlet bench train``: results, shares of the phases, references and the table."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support.places import QUEUE_CONFLICT

from townlet.behavior.network import ActorCritic
from townlet.bench.trainer import operations_per_step
from townlet.cli import main
from townlet.config.training import NetworkConfig

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
