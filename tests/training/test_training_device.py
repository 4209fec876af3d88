"""Training on a device other than the processor: the same code, with every tensor in the right place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.another_device import NAME, AnotherDevice
from support.captures import QUEUE, capture
from support.recurrent import GRU
from support.small_trainings import run

from townlet.behavior.compiled.kernel import TORCH
from townlet.behavior.policy_file import load_policy
from townlet.cli import main
from townlet.config import Scenario, TrainingConfig, load_scenario
from townlet.errors import InputError
from townlet.telemetry import CLOCK_FIELDS, read_records
from townlet.training import TrainingDiverged
from townlet.training.devices import device_named

#: Ways to train by name: the mode, the behaviour in the capture, and the training section.
WAYS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "rollout": ("rollout", "", {"network": {"hidden": [16, 16], "activation": "relu"}}),
    "committed": ("rollout", "", {"network": {"hidden": [16], "commitment_ticks": 6}, "imitation": {"rollouts": 1}}),
    "recurrent": ("mixed", "random", {"network": GRU | {"layer_norm": True, "commitment_ticks": 3}}),
    "recurrent joint": ("mixed", "random", {"network": GRU, "replay": {"mixing": "joint", "segment_ticks": 5}}),
    "vtrace": ("mixed", "random", {"ppo": {"target_kl": 0.5, "value_clip": 0.2}}),
    "joint": ("mixed", "random", {"replay": {"mixing": "joint", "segment_ticks": 5}}),
    "cloning": ("replay", "scripted", {}),
    "awr": ("replay", "scripted", {"replay": {"method": "awr"}}),
    "handover": ("rollout", "", {"handover": {"script": "scripted", "steps": 2, "accuracy_margin": 0.0}}),
}


@pytest.fixture
def accelerated(monkeypatch: pytest.MonkeyPatch) -> None:
    """``train`` uses the simulated device, whichever it is asked for."""
    monkeypatch.setattr("townlet.training.run.device_named", lambda name: NAME)


def scenario_with(training: dict[str, Any]) -> Scenario:
    return load_scenario(QUEUE).model_copy(update={"training": TrainingConfig.model_validate(training)})


def without_clocks(log: Path) -> list[dict[str, Any]]:
    return [{key: value for key, value in record.items() if key not in CLOCK_FIELDS} for record in read_records(log)]


def test_only_the_simulated_devices_own_operations_read_its_memory() -> None:
    with AnotherDevice():
        there = torch.ones(2, device=NAME)
        with pytest.raises(RuntimeError, match="one device"):
            there + torch.ones(2)
        with pytest.raises((RuntimeError, TypeError)):
            there.numpy()
        assert (2 * there).cpu().tolist() == [2.0, 2.0]


@pytest.mark.parametrize("way", WAYS)
def test_a_training_on_another_device_gives_what_torch_gives_on_the_processor(
    way: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("townlet.behavior.compiled.kernel.processor_kernel", lambda: TORCH)
    mode, behavior, training = WAYS[way]
    replayed = {"replay_manifest": capture(tmp_path / "capture", worlds=4, behavior=behavior)} if behavior else {}
    scenario = scenario_with(training)
    here = run(scenario, tmp_path / "here", mode=mode, **replayed)
    request.getfixturevalue("accelerated")
    with AnotherDevice():
        there = run(scenario, tmp_path / "there", mode=mode, **replayed)
    assert there.sha256 == here.sha256
    assert without_clocks(there.log) == without_clocks(here.log)
    origin = [load_policy(tmp_path / place)[1].provenance for place in ("here", "there")]
    kernel = f"torch {torch.__version__} {NAME}"
    assert origin[1] == origin[0] | {"device": NAME, "kernel": kernel} and "device" not in origin[0]


@pytest.mark.usefixtures("accelerated")
def test_a_training_is_resumed_on_its_device_and_on_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = scenario_with({})
    with AnotherDevice():
        run(scenario, tmp_path / "part", cycles=1)
        resumed = run(scenario, tmp_path / "part", resume=True)
        assert resumed.attempt == 2 and resumed.sha256 == run(scenario, tmp_path / "whole").sha256
    monkeypatch.undo()
    with pytest.raises(InputError, match="device"):
        run(scenario, tmp_path / "part", resume=True, cycles=3)


@pytest.mark.usefixtures("accelerated")
def test_a_divergence_on_another_device_is_diagnosed(tmp_path: Path) -> None:
    scenario = scenario_with({"ppo": {"diverged_above": 1e-6}})
    with AnotherDevice(), pytest.raises(TrainingDiverged):
        run(scenario, tmp_path)
    assert (tmp_path / "divergence.json").exists()


def test_a_device_that_does_not_exist_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_named("cpu") == device_named("auto") == "cpu"
    for asked in ("cuda", "gpu"):
        assert main(["train", str(QUEUE), "--device", asked, "--output", str(tmp_path / "policy")]) == 2
        assert f"device: found {asked}" in capsys.readouterr().err.replace("'", "")
    assert not (tmp_path / "policy").exists()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_named("auto") == device_named("cuda") == "cuda"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_a_training_repeats_itself_and_its_policy_acts_anywhere(tmp_path: Path) -> None:
    scenario = scenario_with({"network": {"hidden": [64, 64]}})
    once, again = (run(scenario, tmp_path / name, device="cuda") for name in ("once", "again"))
    assert once.sha256 == again.sha256
    run(scenario, tmp_path / "here")
    for ours, theirs in zip(read_records(once.log), read_records(tmp_path / "here" / once.log.name), strict=True):
        assert ours["loss_total"] == pytest.approx(theirs["loss_total"], rel=0.05, abs=0.05)
    assert capture(tmp_path / "acted", worlds=2, policy=tmp_path / "once").exists()
