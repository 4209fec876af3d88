"""Behaviours made outside Townlet act wherever a policy does, and every artefact says what they were made from."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.captures import QUEUE, files_in

from townlet.behavior import HeuristicBehavior, from_logits
from townlet.behavior.choose import choose_behavior
from townlet.behavior.neural import NeuralBehavior
from townlet.behavior.policy_file import load_policy
from townlet.capture import capture_rollout, read_capture
from townlet.cli import main
from townlet.config import load_scenario
from townlet.errors import InputError
from townlet.evaluation import evaluate
from townlet.files.storage import sha256
from townlet.stages.reproduction import differences_when_repeated
from townlet.training import TrainingOptions, train
from townlet.view.inspection import inspect_moment
from townlet.view.playback import resimulate

CODE = """
import numpy as np
from townlet.behavior import from_actions, from_logits

def waiting():
    return from_actions(lambda observation, mask: np.zeros(len(mask), int), name="waiting", deterministic=True)

def hungry(scenario):
    assert scenario.name == "queue_conflict"
    weights = np.load("weights.npy")
    return from_logits(lambda observation, mask: observation @ weights[:, : mask.shape[1]], name="hungry",
                       files=["weights.npy"])

class Idle:
    name, deterministic = "idle", True

    def act(self, town, action, log_prob, value):
        action[:], log_prob[:], value[:] = 0, 0.0, np.nan

idle = Idle()
class Nested:
    factory = staticmethod(waiting)

def number():
    return 7

def failing():
    return open("nowhere.zip")

def quitting():
    raise SystemExit(0)
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's file, in the current folder, and its weights."""
    file = tmp_path / "mine_of_a_user.py"
    file.write_text(CODE)
    features = len(read_features())
    np.save(tmp_path / "weights.npy", np.random.default_rng(3).normal(size=(features, 40)).astype(np.float32))
    (tmp_path / "program_of_a_user.py").write_text("raise SystemExit(0)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield file
    sys.modules.pop("mine_of_a_user", None)


def read_features() -> list[dict[str, Any]]:
    from townlet.world.observation.schema import observation_schema_of

    return observation_schema_of(load_scenario(QUEUE))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("mine_of_a_user.py:waiting", "waiting"),
        ("mine_of_a_user:hungry", "hungry"),
        ("mine_of_a_user:Idle", "idle"),
        ("mine_of_a_user:idle", "idle"),
        ("mine_of_a_user:Nested.factory", "waiting"),
    ],
)
def test_a_factory_is_named_by_module_or_file(code: Path, words: str, name: str) -> None:
    choice = choose_behavior(load_scenario(QUEUE), words)
    assert choice.behavior.name == name
    assert choice.origin is not None and choice.origin.given == words
    assert choice.origin.code_sha256 == sha256(code.read_bytes())


def test_a_capture_names_the_code_and_the_weights_and_can_be_made_again(code: Path) -> None:
    """The weights decide the behaviour's identity, the place of its files does not."""
    for folder in ("one", "two"):
        assert main(["capture", str(QUEUE), "--behavior", f"{code.name}:hungry", "--output", folder]) == 0
    assert files_in(Path("one")) == files_in(Path("two"))
    entry = read_capture("one/rollout_sample_manifest.json").manifest.behavior
    assert entry.origin is not None and not entry.deterministic and not entry.has_values
    assert entry.origin.files == {"weights.npy": sha256(Path("weights.npy").read_bytes())}
    Path("elsewhere.npy").write_bytes(Path("weights.npy").read_bytes())
    code.write_text(CODE.replace("weights.npy", "elsewhere.npy"))
    moved = choose_behavior(load_scenario(QUEUE), f"{code.name}:hungry").origin
    assert moved is not None
    same_code = moved.model_copy(update={"code_sha256": entry.origin.code_sha256})
    assert same_code.sha256 == entry.origin.sha256 != moved.sha256
    np.save("elsewhere.npy", np.load("weights.npy") + 1.0)
    other = choose_behavior(load_scenario(QUEUE), f"{code.name}:hungry").origin
    assert other is not None and other.sha256 != moved.sha256


def test_manifests_of_townlets_own_behaviours_say_nothing_new(tmp_path: Path) -> None:
    capture_rollout(QUEUE, tmp_path / "name", behavior="heuristic")
    capture_rollout(QUEUE, tmp_path / "object", behavior=HeuristicBehavior())
    assert files_in(tmp_path / "name") == files_in(tmp_path / "object")
    entry = json.loads((tmp_path / "name" / "rollout_sample_manifest.json").read_text())["behavior"]
    assert set(entry) == {"name", "deterministic", "has_values", "policy_sha256"}


def test_logits_of_a_policy_act_as_the_policy_itself(tmp_path: Path) -> None:
    """Draws, values and log-probabilities are those that the policy's own behaviour records."""
    scenario = load_scenario(QUEUE)
    train(scenario, TrainingOptions("rollout", tmp_path / "policy", cycles=1, worlds=8))
    network, card = load_policy(tmp_path / "policy")

    def outputs(observation: Any, mask: Any) -> tuple[Any, Any]:
        return network(torch.from_numpy(observation), torch.from_numpy(mask))

    own = from_logits(outputs, name="mine", files=[tmp_path / "policy" / "policy.safetensors"])
    capture_rollout(QUEUE, tmp_path / "own", behavior=own)
    capture_rollout(QUEUE, tmp_path / "neural", policy=tmp_path / "policy")
    ours, theirs = (read_capture(tmp_path / name / "rollout_sample_manifest.json") for name in ("own", "neural"))
    here = theirs.buffer.alive
    assert np.array_equal(ours.buffer.action[here], theirs.buffer.action[here])
    assert np.allclose(ours.buffer.log_prob[here], theirs.buffer.log_prob[here], atol=1e-6)
    assert np.allclose(ours.buffer.value[here], theirs.buffer.value[here], atol=1e-6)
    origin = ours.manifest.behavior.origin
    assert ours.manifest.behavior.has_values and origin is not None and list(origin.files.values()) == [card.sha256]
    greedy = from_logits(outputs, name="mine", deterministic=True)
    capture_rollout(QUEUE, tmp_path / "greedy", behavior=greedy)
    result = evaluate(None, scenario, behavior=greedy, worlds=2)
    policy = evaluate(tmp_path / "policy", scenario, greedy=True, worlds=2)
    assert result["values"] == policy["values"]
    assert result["behavior"]["name"] == "mine" and result["policy_sha256"] is None
    with pytest.raises(InputError, match="expected the place of the policy"):
        capture_rollout(QUEUE, tmp_path / "other", behavior=NeuralBehavior(network))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("nowhere_at_all:factory", "options: --behavior: found no module 'nowhere_at_all', expected package.module"),
        ("nowhere.py:factory", "nowhere.py: found no such file, expected a Python file"),
        ("mine_of_a_user.py:wating", "found no wating, expected one of .*; did you mean 'waiting'"),
        ("mine_of_a_user.py:number", "mine_of_a_user.py:number: found a int, expected a behaviour, such as"),
        ("mine_of_a_user.py:failing", r"FileNotFoundError: .* in mine_of_a_user.py, line \d+"),
        ("townlet.behavior:HeuristicBehavior", "behavior: name: found 'heuristic', expected .* none of scripted"),
        ("mine_of_a_user.py:quitting", r"RuntimeError: it ends the process by SystemExit\(0\) in mine_of_a_user.py"),
        ("program_of_a_user.py:factory", r"RuntimeError: it ends the process by SystemExit\(0\) in program_of_a_user"),
        ("mine_of_a_user.py:np.pi", "found a float, expected a function or a class that makes a behaviour"),
    ],
)
def test_an_unusable_factory_is_named(code: Path, capsys: pytest.CaptureFixture[str], words: str, message: str) -> None:
    import re

    assert main(["capture", str(QUEUE), "--behavior", words, "--output", "out"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and re.search(message, error), error
    assert not Path("out").exists()


def test_code_that_a_manifest_names_is_not_run(code: Path) -> None:
    capture_rollout(QUEUE, "out", behavior=f"{code.name}:hungry")
    code.write_text("raise SystemExit('run')")
    with pytest.raises(InputError, match="found hungry, which is made outside Townlet"):
        differences_when_repeated(Path("out/rollout_sample_manifest.json"), QUEUE, ticks=5, worlds=1)
    assert main(["lineage", "out/rollout_sample_manifest.json"]) == 0


def test_inspection_and_playback_show_the_probabilities_of_a_behaviour(
    code: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attributions and a value that nobody estimates are left out, not shown as 0."""
    words = f"{code.name}:hungry"
    manifest = capture_rollout(QUEUE, "out", behavior=words).manifest_path
    capture = read_capture(manifest)
    found = inspect_moment(None, manifest, tick=3, agent="ben", behavior=words)
    assert found.acted and found.value is None and found.influences == ()
    assert sum(found.probabilities.values()) == pytest.approx(1.0)
    at = 3, 0, capture.manifest.people.index("ben")
    assert np.log(found.probabilities[found.action]) == pytest.approx(float(capture.buffer.log_prob[at]), abs=1e-6)
    shown = resimulate(manifest, behavior=words).policy_outputs
    assert shown is not None and shown.acted_for and "value" not in shown.frames and not shown.features
    taken = shown.frames["taken_probability"][3, at[2]]
    assert taken == pytest.approx(found.probabilities[found.action])
    assert main(["inspect", "--behavior", words, "--manifest", str(manifest), "--tick", "3", "--agent", "ben"]) == 0
    assert "no value estimate" in capsys.readouterr().out
    assert main(["playback", str(manifest), "--behavior", words, "--output", "page.html"]) == 0
    capsys.readouterr()
    assert main(["playback", str(manifest), "--behavior", f"{code.name}:waiting", "--output", "other.html"]) == 2
    assert "found waiting, which only acts" in capsys.readouterr().err and not Path("other.html").exists()
    policy = [
        "inspect",
        "generalist",
        "--behavior",
        words,
        "--manifest",
        str(manifest),
        "--tick",
        "3",
        "--agent",
        "ben",
    ]
    assert main(policy) == 2
    assert "policy, --behavior: found both, expected one of them" in capsys.readouterr().err
