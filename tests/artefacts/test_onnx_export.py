"""Exports to ONNX are the policy, up to rounding, for a runtime that knows nothing of Townlet."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from support.saved_policies import make_network, save_into

from townlet.behavior.network import ActorCritic
from townlet.behavior.onnx_file import TOLERANCE, compare, export_onnx, onnx_bytes
from townlet.behavior.own.onnx_network import OnnxNetwork, open_onnx
from townlet.behavior.policy_file import PolicyCard, load_policy, read_card, save_policy
from townlet.cli import main
from townlet.config.training import NetworkConfig
from townlet.errors import RunError


def test_the_command_writes_a_file_whose_card_and_free_batch_any_runtime_can_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "policy.onnx", tmp_path / "other" / "again.onnx"]
    for file in files:
        assert main(["export", "onnx", "generalist", "--output", str(file)]) == 0
    assert "onnxruntime and the policy agree on 4,096 random observations" in capsys.readouterr().out
    content = files[0].read_bytes()
    assert content == files[1].read_bytes()
    assert str(tmp_path).encode() not in content and b"site-packages" not in content
    session = onnxruntime.InferenceSession(content)
    card = read_card("generalist")
    shapes = {one.name: (one.type, one.shape) for one in (*session.get_inputs(), *session.get_outputs())}
    assert shapes == {
        "observation": ("tensor(float)", ["batch", len(card.observation)]),
        "mask": ("tensor(bool)", ["batch", len(card.actions)]),
        "log_probs": ("tensor(float)", ["batch", len(card.actions)]),
        "value": ("tensor(float)", ["batch"]),
    }
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata.keys() == {"townlet"}
    assert PolicyCard.model_validate(json.loads(metadata["townlet"])) == card


@pytest.mark.parametrize(
    ("hidden", "activation"), [((8,), "relu"), ((64, 48, 32), "tanh"), ((256, 256), "relu"), ((33, 7), "tanh")]
)
def test_networks_of_every_form_are_torchs_to_a_millionth_with_the_same_choices(
    hidden: tuple[int, ...], activation: str, tmp_path: Path
) -> None:
    network = ActorCritic(41, 13, NetworkConfig(hidden=hidden, activation=activation), seed=4)
    with torch.no_grad():
        # A new policy head is nearly uniform.
        network.policy_head.weight *= 300
    observation = [{"name": f"{i}", "low": -1.0, "high": float("1" + "0" * (i % 3))} for i in range(41)]
    save_policy(tmp_path, network, observation=observation, actions=[f"{i}" for i in range(13)], provenance={})
    exported = export_onnx(tmp_path, tmp_path / "policy.onnx")
    assert 0 < exported.difference.share <= TOLERANCE
    random = np.random.default_rng(1)
    seen = random.uniform(-1, 1, (500, 41)).astype(np.float32)
    legal = random.random((500, 13)) < 0.5
    legal[:, 0] = True
    with torch.no_grad():
        expected, values = (t.numpy() for t in network(torch.from_numpy(seen), torch.from_numpy(legal)))
    session = onnxruntime.InferenceSession(tmp_path / "policy.onnx")
    log_probs, value = session.run(None, {"observation": seen, "mask": legal})
    np.testing.assert_allclose(log_probs[legal], expected[legal], atol=TOLERANCE * max(1, -expected[legal].min()))
    np.testing.assert_allclose(value, values, atol=TOLERANCE * max(1, np.abs(values).max()))
    assert np.array_equal(log_probs.argmax(axis=1), expected.argmax(axis=1))
    assert (log_probs[~legal] < -1e29).all()
    for rows in (slice(0, 1), slice(5, 12)):
        part = session.run(None, {"observation": seen[rows], "mask": legal[rows]})
        np.testing.assert_allclose(part[1], value[rows], atol=1e-5)


def test_in_a_row_without_a_legal_action_all_are_equally_probable_as_in_the_network(tmp_path: Path) -> None:
    save_into(tmp_path, make_network())
    export_onnx(tmp_path, tmp_path / "policy.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "policy.onnx")
    seen, legal = np.ones((1, 5), np.float32), np.zeros((1, 3), np.bool_)
    found = session.run(["log_probs"], {"observation": seen, "mask": legal})[0]
    with torch.no_grad():
        expected = make_network()(torch.from_numpy(seen), torch.from_numpy(legal))[0].numpy()
    np.testing.assert_allclose(found, np.full((1, 3), -np.log(3)), atol=1e-6)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_file_of_other_weights_is_found_to_differ(tmp_path: Path) -> None:
    card = save_into(tmp_path, make_network(seed=0))
    content = onnx_bytes(make_network(seed=1), card)
    file = OnnxNetwork(open_onnx(tmp_path / "policy.onnx", content=content), 5, 3, of="the policy")
    with pytest.raises(RunError, match="from the policy's, expected 1e-06"):
        compare(file, load_policy(tmp_path)[0], card)


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_without_the_extra_the_command_says_how_to_install_it_and_writes_nothing(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["export", "onnx", "generalist", "--output", str(tmp_path / "policy.onnx")]) == 2
    assert "pip install 'townlet[onnx]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_unknown_policy_and_a_folder_as_output_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "onnx", "generalst", "--output", str(tmp_path / "policy.onnx")]) == 2
    assert "did you mean 'generalist'" in capsys.readouterr().err
    assert main(["export", "onnx", "generalist", "--output", str(tmp_path)]) == 2
    assert not list(tmp_path.iterdir())


def test_the_files_of_the_policy_are_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_into(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for name in before:
        assert main(["export", "onnx", str(tmp_path), "--output", str(tmp_path / name)]) == 2
    assert "found a file that is read" in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
