"""Inspection of a policy shows what its network computes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from support.captures import QUEUE, capture

from townlet.behavior.network import ActorCritic
from townlet.behavior.policy_file import load_policy, save_policy
from townlet.capture import capture_rollout, parse_manifest, read_capture
from townlet.cli import main
from townlet.config.training import NetworkConfig
from townlet.errors import InputError
from townlet.view.inspection import inspect_moment


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy for the queue's town with weights far from 0."""
    town = parse_manifest(capture(tmp_path_factory.mktemp("town"), ticks=1))
    network = ActorCritic(len(town.observation), len(town.actions), NetworkConfig(hidden=(16,)), seed=3)
    with torch.no_grad():
        network.policy_head.weight *= 100
    folder = tmp_path_factory.mktemp("policy")
    save_policy(folder, network, observation=town.observation, actions=town.actions, provenance={})
    return folder


@pytest.fixture(scope="module")
def manifest(policy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = capture_rollout(QUEUE, tmp_path_factory.mktemp("capture"), worlds=2, policy=policy / "policy.json")
    return Path(done.manifest_path)


def test_probabilities_value_and_reward_are_those_recorded_when_the_policy_acted(policy: Path, manifest: Path) -> None:
    buffer = read_capture(manifest).buffer
    for tick in (0, 17, 40):
        found = inspect_moment(policy, manifest, tick=tick, agent="ben", world=1)
        at = tick, 1, 1
        assert found.acted
        assert math.log(found.probabilities[found.action]) == pytest.approx(float(buffer.log_prob[at]), abs=1e-5)
        assert found.value == pytest.approx(float(buffer.value[at]), abs=1e-5)
        assert sum(found.probabilities.values()) == pytest.approx(1.0)
        assert len(found.probabilities) == buffer.mask[at].sum()
        assert list(found.probabilities.values()) == sorted(found.probabilities.values(), reverse=True)
        assert found.entropy == pytest.approx(-sum(p * math.log(p) for p in found.probabilities.values() if p))
        assert found.reward == pytest.approx(sum(found.reward_parts.values()), abs=1e-5)


def test_influence_is_the_slope_along_each_feature_times_its_value(policy: Path, manifest: Path) -> None:
    found = inspect_moment(policy, manifest, tick=12, agent="cara")
    capture = read_capture(manifest)
    network, _ = load_policy(policy)
    double = network.double()
    seen = torch.from_numpy(capture.buffer.observation[12, 0, 2]).double()
    mask = torch.from_numpy(capture.buffer.mask[12, 0, 2])[None]
    names = [str(feature["name"]) for feature in capture.manifest.observation]
    action = capture.manifest.actions.index(found.action)
    assert {one.feature for one in found.influences} == {names[i] for i in seen.nonzero().flatten().tolist()}
    for one in found.influences:
        nudge = torch.zeros_like(seen)
        nudge[names.index(one.feature)] = 1e-5
        (up, value_up), (down, value_down) = (double((seen + side * nudge)[None], mask) for side in (1, -1))
        slope = float((up - down)[0, action]) / 2e-5, float(value_up - value_down) / 2e-5
        assert (one.on_action, one.on_value) == pytest.approx([part * one.value for part in slope], rel=2e-3, abs=1e-5)


def test_a_policy_can_be_asked_about_what_others_did(policy: Path, tmp_path: Path) -> None:
    found = inspect_moment(policy, capture(tmp_path), tick=5, agent="anna")
    assert not found.acted
    assert found.action in found.probabilities


def test_the_command_prints_a_table_or_all_of_it_as_json(
    policy: Path, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["inspect", str(policy), "--manifest", str(manifest), "--tick", "12", "--agent", "cara"]
    assert main(words) == 0
    table = capsys.readouterr().out
    found = inspect_moment(policy, manifest, tick=12, agent="cara")
    assert f"cara, tick 12, world 0: {found.action} (chosen by this policy)" in table
    assert found.influences[0].feature in table
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(found.as_json()))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--tick", "80", "options: --tick: found 80, expected 0 to 79, which were captured"),
        ("--world", "-1", "options: --world: found -1, expected 0 to 1, which were captured"),
        ("--agent", "bem", "options: --agent: found 'bem', expected one of anna, ben, cara; did you mean 'ben'?"),
    ],
)
def test_an_agent_step_that_was_not_captured_is_refused(
    policy: Path, manifest: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, message: str
) -> None:
    words = {"--manifest": str(manifest), "--tick": "3", "--agent": "ben"} | {option: value}
    assert main(["inspect", str(policy), *(word for pair in words.items() for word in pair)]) == 2
    assert capsys.readouterr().err == f"error: {message}\n"


def test_a_policy_of_another_town_is_refused(policy: Path, tmp_path: Path) -> None:
    other = capture_rollout(QUEUE.with_name("kitchen_breakfast.yaml"), tmp_path).manifest_path
    with pytest.raises(InputError, match="actions: found no request for fridge, stove, expected every type of object"):
        inspect_moment(policy, other, tick=0, agent=parse_manifest(other).people[0])
