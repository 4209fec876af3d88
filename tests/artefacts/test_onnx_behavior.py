"""ONNX files act in a town: our own exports as their policies do, those of other makers by their shapes."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from support.onnx_files import linear_file
from support.places import QUEUE_CONFLICT

from townlet.behavior import Behavior, from_logits
from townlet.behavior.neural import NeuralBehavior
from townlet.behavior.onnx_file import export_onnx
from townlet.behavior.own.onnx_behavior import onnx_behavior
from townlet.behavior.own.onnx_network import _outside, _tensors
from townlet.behavior.policy_file import load_policy
from townlet.capture import capture_rollout, read_capture
from townlet.cli import main
from townlet.config import Scenario
from townlet.config.find import find_scenario, scenario_of
from townlet.errors import InputError
from townlet.files.storage import sha256
from townlet.rollout import RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.world import Town

QUEUE = "queue_conflict"


@pytest.fixture(scope="module")
def generalist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("exported") / "generalist.onnx"
    export_onnx("generalist", file)
    return file


@pytest.fixture(scope="module")
def weights() -> NDArray[np.float32]:
    """float32 [F, N] of the drill."""
    town = Town(scenario_of(QUEUE), worlds=1, seed=0)
    return np.random.default_rng(4).normal(size=(town.observation.shape[-1], town.mask.shape[-1])).astype(np.float32)


@pytest.mark.parametrize(("name", "ticks"), [("town_day", 60), (QUEUE, 80)])
def test_a_capture_under_an_exported_policy_is_the_policys(
    name: str, ticks: int, generalist: Path, tmp_path: Path
) -> None:
    """Rounding could turn a draw over and change all that follows: one in a million, and here none."""
    behavior, brought = onnx_behavior(generalist, scenario_of(name))
    options: dict[str, Any] = {"ticks": ticks, "worlds": 2}
    captured = capture_rollout(find_scenario(name), tmp_path / "policy", policy="generalist", **options)
    again = capture_rollout(
        find_scenario(name), tmp_path / "onnx", behavior=behavior, observations=brought.observations, **options
    )
    expected, found = (read_capture(one.manifest_path).buffer for one in (captured, again))
    assert (found.action == expected.action).mean() == 1.0
    assert np.array_equal(found.mask, expected.mask)
    np.testing.assert_allclose(found.log_prob, expected.log_prob, atol=1e-5)
    np.testing.assert_allclose(found.value, expected.value, atol=1e-4)
    entry = again.manifest.behavior
    assert (entry.name, entry.deterministic, entry.has_values, entry.log_probs) == ("onnx", False, True, True)
    assert entry.origin is not None and entry.origin.files == {str(generalist): sha256(generalist.read_bytes())}
    assert again.manifest.scenario.config_sha256 == captured.manifest.scenario.config_sha256


def test_greedily_it_takes_the_actions_that_the_policy_takes(generalist: Path) -> None:
    behavior, scenario = onnx_behavior(generalist, scenario_of(QUEUE), greedy=True)
    town = Town(scenario, worlds=1, seed=0)
    network, _ = load_policy("generalist", observation=town.observation_schema, actions=town.action_names)
    expected, found = recorded(NeuralBehavior(network, greedy=True), scenario), recorded(behavior, scenario)
    assert np.array_equal(found.action, expected.action)
    assert behavior.deterministic and not found.log_prob.any()


@pytest.mark.parametrize("batch", ["batch", 1, 4, None])
@pytest.mark.parametrize("mask", [False, True])
def test_a_file_of_logits_acts_like_its_network_whatever_its_batch(
    batch: Any, mask: bool, weights: NDArray[np.float32], tmp_path: Path
) -> None:
    file = linear_file(tmp_path / "own.onnx", weights, ("logits", "values"), batch=batch, mask=mask)
    behavior, scenario = onnx_behavior(file, scenario_of(QUEUE))
    assert scenario == scenario_of(QUEUE)

    def linear(observation: NDArray[np.float32], legal: NDArray[np.bool_]) -> Any:
        logits = observation @ weights
        values = np.where(legal, logits, -1e9) if mask else logits
        return logits, values.max(axis=1)

    found, expected = recorded(behavior), recorded(from_logits(linear, name="linear"))
    assert np.array_equal(found.action, expected.action)
    np.testing.assert_allclose(found.log_prob, expected.log_prob, atol=1e-4)
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-4)
    assert not behavior.deterministic


@pytest.mark.parametrize(("outputs", "values"), [(("action",), False), (("values", "action"), True)])
def test_a_file_of_actions_is_deterministic_and_what_is_illegal_becomes_waiting(
    outputs: tuple[str, ...], values: bool, weights: NDArray[np.float32], tmp_path: Path
) -> None:
    behavior, _ = onnx_behavior(linear_file(tmp_path / "own.onnx", weights, outputs, batch=1), scenario_of(QUEUE))
    found = recorded(behavior)
    assert behavior.deterministic
    chosen = (found.observation @ weights).argmax(axis=-1)
    legal = np.take_along_axis(found.mask, chosen[..., None], -1)[..., 0]
    assert 0 < legal.mean() < 1
    assert np.array_equal(found.action, np.where(legal, chosen, 0))
    assert np.isnan(found.value).all() != values


def test_a_file_that_draws_its_own_actions_is_not_taken_for_deterministic(
    weights: NDArray[np.float32], tmp_path: Path
) -> None:
    behavior, _ = onnx_behavior(linear_file(tmp_path / "own.onnx", weights, ("drawn",)), scenario_of(QUEUE))
    assert not behavior.deterministic
    recorded(behavior)
    assert behavior.has_log_probs is False  # type: ignore[attr-defined]


def test_files_beside_it_that_hold_weights_are_read_and_named(weights: NDArray[np.float32], tmp_path: Path) -> None:
    file = linear_file(tmp_path / "own.onnx", weights, ("logits",))
    inside = recorded(onnx_behavior(file, scenario_of(QUEUE))[0])
    onnx.save(onnx.load(file), file, save_as_external_data=True, location="weights.bin", size_threshold=0)
    behavior, _ = onnx_behavior(file, scenario_of(QUEUE))
    assert np.array_equal(recorded(behavior).action, inside.action)
    origin = behavior.origin  # type: ignore[attr-defined]
    assert origin.files.keys() == {str(file), str(tmp_path / "weights.bin")}
    inner = onnx.helper.make_graph([], "inner", [], [], onnx.load(file, load_external_data=False).graph.initializer)
    around = onnx.helper.make_node("If", ["here"], ["out"], then_branch=inner, else_branch=inner)
    model = onnx.helper.make_model(onnx.helper.make_graph([around], "outer", [], []))
    assert {name for tensor in _tensors(model) for name in _outside(tensor)} == {"weights.bin"}, "of subgraphs, too"
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(InputError, match="expected an ONNX file that onnxruntime can run"):
        onnx_behavior(file, scenario_of(QUEUE))


@pytest.mark.parametrize(
    ("columns", "outputs", "options", "fault"),
    [
        (
            slice(1, None),
            ("logits",),
            {},
            r"inputs\.observation: found \[batch, \d+\], expected \[rows, \d+\]: the feat",
        ),
        (
            slice(None),
            ("logits", "flat", "values"),
            {"narrow": True},
            r"outputs: found logits float32 \[2, \d+\], flat",
        ),
        (slice(None), ("flat",), {}, r"outputs: found flat float32 \[2\], expected float \[rows, \d+\] of logits"),
        (slice(None), ("logits", "action"), {"greedy": True}, None),
        (slice(None), ("action",), {"greedy": True}, "outputs: found actions, expected logits: greedy takes the most"),
        (
            slice(None),
            ("chances",),
            {},
            "outputs.chances: found probabilities, which sum to 1, expected logits or log-",
        ),
        (slice(None), ("logits", "chances"), {}, None),
        (slice(None), ("not_a_number",), {}, "outputs.not_a_number: found NaN, expected numbers"),
        (slice(None), ("beyond",), {}, r"outputs.beyond: found 10\d\d, expected 0 to"),
    ],
)
def test_a_file_that_does_not_fit_the_town_is_refused(
    columns: slice, outputs: tuple[str, ...], options: dict[str, bool], fault: str | None, tmp_path: Path,
    weights: NDArray[np.float32],
) -> None:  # fmt: skip
    given = weights[columns, :-1] if options.pop("narrow", False) else weights[columns]
    file = linear_file(tmp_path / "own.onnx", given, outputs)
    if fault is None:
        assert onnx_behavior(file, scenario_of(QUEUE), **options)[0].deterministic == bool(options)
        return
    with pytest.raises(InputError, match=fault):
        recorded(onnx_behavior(file, scenario_of(QUEUE), **options)[0])


def test_what_is_no_usable_file_is_refused_in_a_line(
    generalist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in (b"", b"no model", generalist.read_bytes()[:5000]):
        (tmp_path / "own.onnx").write_bytes(content)
        with pytest.raises(InputError, match="expected an ONNX file") as caught:
            onnx_behavior(tmp_path / "own.onnx", scenario_of(QUEUE))
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="expected an ONNX file"):
        onnx_behavior(tmp_path / "none.onnx", scenario_of(QUEUE))
    model = onnx.load(generalist)
    onnx.helper.set_model_props(model, {"townlet": '{"format": "townlet-policy"}'})
    onnx.save(model, tmp_path / "own.onnx")
    with pytest.raises(InputError, match=r"own\.onnx: metadata townlet: network: "):
        onnx_behavior(tmp_path / "own.onnx", scenario_of(QUEUE))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"pip install 'townlet\[onnx\]'"):
        onnx_behavior(generalist, scenario_of(QUEUE))


def test_a_policy_of_sb3_acts_as_it_was_exported(tmp_path: Path) -> None:
    import gymnasium

    PPO = pytest.importorskip("stable_baselines3").PPO

    policy = PPO("MlpPolicy", gymnasium.make("townlet.envs:townlet/QueueConflict-v0"), seed=0, device="cpu").policy

    class Exportable(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.policy = policy

        def forward(self, observation: torch.Tensor) -> Any:
            return self.policy(observation, deterministic=True)

    example = torch.zeros(1, *policy.observation_space.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Exportable(), (example,), tmp_path / "sb3.onnx", dynamo=False)
    behavior, _ = onnx_behavior(tmp_path / "sb3.onnx", scenario_of(QUEUE))
    found = recorded(behavior)
    seen = torch.from_numpy(found.observation.reshape(-1, example.shape[1]))
    with torch.no_grad():
        chosen, values, _ = (result.numpy() for result in policy(seen, deterministic=True))
    legal = np.take_along_axis(found.mask.reshape(len(seen), -1), chosen[:, None], 1)[:, 0]
    assert np.array_equal(found.action.ravel(), np.where(legal, chosen, 0))
    np.testing.assert_allclose(found.value.ravel(), values[:, 0], atol=1e-5)


def recorded(behavior: Behavior, scenario: Scenario | None = None) -> RolloutBuffer:
    """Forty ticks in two worlds."""
    loop = SimulationLoop(scenario or scenario_of(QUEUE), worlds=2, seed=3)
    buffer = loop.new_buffer(40)
    loop.collect(buffer, behavior)
    return buffer


def test_a_file_acts_wherever_a_behaviour_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    scenario, manifest = str(QUEUE_CONFLICT), "out/rollout_sample_manifest.json"
    assert main(["export", "onnx", "generalist", "--output", "policy.onnx"]) == 0
    assert main(["capture", scenario, "--behavior", "policy.onnx", "--output", "out"]) == 0
    origin = read_capture(manifest).manifest.behavior.origin
    assert origin is not None and origin.given == "policy.onnx"
    assert origin.files == {"policy.onnx": sha256(Path("policy.onnx").read_bytes())}
    greedy = ["evaluate", "--behavior", "policy.onnx", "--scenario", scenario, "--worlds", "2", "--greedy"]
    assert main([*greedy, "--output", "evaluation.json"]) == 0
    policy = ["evaluate", "generalist", "--scenario", scenario, "--worlds", "2", "--greedy", "--output", "policy.json"]
    assert main(policy) == 0
    ours, theirs = (json.loads(Path(name).read_text()) for name in ("evaluation.json", "policy.json"))
    assert ours["values"]["policy"]["reward_mean"] == pytest.approx(theirs["values"]["policy"]["reward_mean"], abs=1e-3)
    assert ours["observations"] == theirs["observations"] and ours["behavior"]["name"] == "onnx"
    capsys.readouterr()
    assert main(["inspect", "--behavior", "policy.onnx", "--manifest", manifest, "--tick", "3", "--agent", "anna"]) == 0
    assert "chosen by this policy" in capsys.readouterr().out
    assert main(["playback", manifest, "--behavior", "policy.onnx", "--output", "page.html"]) == 0
    assert main(["capture", scenario, "--behavior", "nowhere.onnx", "--output", "other"]) == 2
    assert "nowhere.onnx" in capsys.readouterr().err and not Path("other").exists()
