"""``townlet bench train``: results, shares of the phases, references and the table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.places import QUEUE_CONFLICT

from townlet.behavior.compiled.kernel import TORCH, processor_kernel
from townlet.cli import main

QUICK_TRAINING = [
    *("bench", "train", "--scenario", str(QUEUE_CONFLICT), "--worlds", "4", "--ticks", "8", "--minibatch", "32"),
    *("--repeats", "2", "--activation", "relu", "--threads", "1"),
]
TRAINING_KEYS = {
    *("case", "agent_steps_per_second", "spread", "share_simulate", "share_infer", "share_learn", "share_matmul"),
    "features_in_use",
    *("matmul_gflops", "share_peak", "peak_gflops", "clock_ghz", "products", "core_share", "ratio_to_sb3", "ratios"),
    *("epochs", "activation", "worlds", "ticks", "minibatch_size", "threads", "device", "people", "features"),
    *("actions", "machine"),
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
    kernel = processor_kernel()
    for result in results:
        assert set(result) == TRAINING_KEYS
        slowest, fastest = result["spread"]
        assert 0 < slowest <= result["agent_steps_per_second"] <= fastest
        shares = [result[f"share_{phase}"] for phase in ("simulate", "infer", "learn")]
        assert min(shares) > 0 and sum(shares) == pytest.approx(1.0, abs=0.1)
        assert 0 < result["share_matmul"] < 1 and result["matmul_gflops"] > 0.1
        assert 0 < result["share_peak"] < 1 and result["peak_gflops"] > 0.1 and result["clock_ghz"] > 0
        libraries = result["machine"]["libraries"]
        assert result["machine"]["library"] == libraries["torch" if kernel is TORCH else "tiles"] != ""
        assert result["machine"]["kernel"] == kernel.name
        assert 0 < result["features_in_use"] <= result["features"]
        for product in result["products"]:
            assert list(product["libraries"]) == list(libraries)
            assert product["gflops"] == product["libraries"][product["library"]][str(product["rows"])]
            assert product["gflops"] == max(max(rates.values()) for rates in product["libraries"].values()) > 0
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
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
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
    shapes = ("forward, 72 → 128", "weights, 128 → 13", "NumPy", "of a peak of")
    for text in ("queue_conflict compact, relu, 1 epoch", "simulate", "learn", "GFLOP/s", "One core of", *shapes):
        assert text in out


def test_a_device_that_is_not_there_is_refused_before_anything_is_trained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([*QUICK_TRAINING, "--device", "cuda"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "device: found cuda, which torch does not find here" in captured.err


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_the_limit_is_that_of_the_device(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK_TRAINING, "--no-reference", "--epochs", "1", "--json", "--device", "cuda"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["case"].endswith(", cuda") and result["device"] == "cuda"
    assert result["share_matmul"] > 0 and result["share_peak"] is None
    assert result["machine"]["library"] == torch.cuda.get_device_name()


def test_an_unknown_kernel_is_refused_before_anything_is_measured() -> None:
    environment = {**os.environ, "TOWNLET_KERNEL": "bogus"}
    command = [sys.executable, "-c", "from townlet.cli import run; run()", *QUICK_TRAINING, "--no-reference"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: environment: TOWNLET_KERNEL: found 'bogus', expected one of ")
