"""Policies that remember, after their training: as ONNX files, in loops of one's own, and asked about captures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.places import QUEUE_CONFLICT
from support.recurrent import recurrent_harness
from support.saved_policies import ACTIONS, OBSERVATION, save_into

import townlet
from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.behavior.onnx_file import TOLERANCE, export_onnx
from townlet.behavior.policy_file import load_policy, save_policy
from townlet.capture import Capture, capture_rollout, read_capture
from townlet.config.training import NetworkConfig
from townlet.errors import InputError
from townlet.files.artefact_names import MANIFEST_NAME
from townlet.view.playback.policy_outputs import policy_outputs_of
from townlet.view.policy_outputs import outputs_of
from townlet.world import Town


@pytest.fixture(scope="module", params=[0, 4], ids=["every tick", "commitment"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy with a memory and layer norm whose choices depend on both."""
    harness = recurrent_harness(layer_norm=True, commitment_ticks=request.param)
    town, network = harness.loop.town, harness.network
    with torch.no_grad():
        # A new policy head is nearly uniform.
        network.policy_head.weight *= 100
    folder = tmp_path_factory.mktemp("recurrent")
    schema, names = town.observation_schema, list(town.action_names)
    save_policy(folder, network, observation=schema, actions=names, provenance={"seed": 3})
    return folder


def captured(folder: Path, **options: Any) -> Capture:
    capture_rollout(QUEUE_CONFLICT, folder, ticks=60, worlds=2, **options)
    return read_capture(folder / MANIFEST_NAME)


def test_a_capture_by_its_onnx_file_is_the_policys(saved: Path, tmp_path: Path) -> None:
    exported = export_onnx(saved, tmp_path / "policy.onnx")
    assert 0 < exported.difference.share <= TOLERANCE
    one, other = (
        captured(tmp_path / "a", policy=saved),
        captured(tmp_path / "b", behavior=str(tmp_path / "policy.onnx")),
    )
    assert np.array_equal(one.buffer.action, other.buffer.action)
    np.testing.assert_allclose(other.buffer.state, one.buffer.state, atol=1e-5)
    np.testing.assert_allclose(other.buffer.log_prob, one.buffer.log_prob, atol=1e-4)
    assert np.abs(one.buffer.state).max() > 0.1


@pytest.mark.parametrize("company", [False, True])
def test_asked_about_a_capture_it_remembers_what_it_did_when_it_acted(
    saved: Path, company: bool, tmp_path: Path
) -> None:
    who = {"behavior": f"anna={saved},others=heuristic"} if company else {"policy": saved}
    capture = captured(tmp_path, **who)
    buffer, outputs = capture.buffer, outputs_of(capture, saved, None, None)
    people = [capture.manifest.people.index(name) for name in outputs.acted_for]
    assert len(people) == (1 if company else 3)
    shown = policy_outputs_of(outputs, capture, 1).frames["taken_probability"][:, people]
    np.testing.assert_allclose(shown, np.exp(buffer.log_prob[:, 1, people]), rtol=1e-4)
    if not company:
        tick, person = np.nonzero(buffer.alive[:, 1])
        found = outputs._states.before(1, tick, person)  # type: ignore[attr-defined]
        assert np.array_equal(found, buffer.state[tick, 1, person])


def test_in_a_loop_of_ones_own_it_does_what_it_does_in_a_town(saved: Path) -> None:
    policy = townlet.load_policy(saved, scenario="queue_conflict")
    assert policy.scenario is not None
    town = Town(policy.scenario, worlds=4, seed=5)
    network, _ = load_policy(saved, observation=town.observation_schema, actions=town.action_names)
    behavior, mask = NeuralBehavior(network, greedy=True), np.empty_like(town.mask)
    action, log_prob = np.empty(town.alive.shape, np.int32), np.empty(town.alive.shape, np.float32)
    value, state = np.empty_like(log_prob), policy.initial_state(action.size)
    for _ in range(40):
        policy.reset(town.begins.reshape(-1))
        state[town.begins.reshape(-1)] = 0.0
        behavior.act_within(town, mask, action, log_prob, value)
        seen, legal = town.observation.reshape(action.size, -1), mask.reshape(action.size, -1)
        asked, alone = policy.log_probs(seen, legal), policy.log_probs(seen[3], legal[3], state=state[3])
        np.testing.assert_array_equal(asked[3], alone)
        chooses = np.isfinite(value).reshape(-1)
        np.testing.assert_array_equal(policy.value(seen)[chooses], value.reshape(-1)[chooses])
        given, state = policy.predict(seen, legal, deterministic=True, state=state)
        kept = policy.predict(seen, legal, deterministic=True)
        assert np.array_equal(kept, action.reshape(-1)) and np.array_equal(kept, given)
        town.step(action)
    policy.reset()
    fresh = policy.log_probs(seen, legal)
    assert not np.allclose(fresh, asked, atol=1e-3) and isinstance(policy.predict(seen[0], legal[0]), int)


def test_states_and_rows_that_are_none_are_refused(saved: Path) -> None:
    policy = townlet.load_policy(saved)
    seen = np.zeros((3, len(policy.features)), np.float32)
    policy.predict(seen)
    with pytest.raises(InputError, match=r"found 2 rows, expected 3, whose states are kept; reset\(\) forgets them"):
        policy.predict(seen[:2])
    with pytest.raises(InputError, match=r"found float32 \(3, 11\), expected float32 \(3, 12\)"):
        policy.predict(seen, state=np.zeros((3, 11), np.float32))
    with pytest.raises(InputError, match="found NaN or infinity"):
        policy.predict(seen, state=np.full((3, 12), np.nan, np.float32))
    for rows, words in (([3], "found 3, expected 0 to 2"), ([0.5], "expected bool")):
        with pytest.raises(InputError, match=words):
            policy.reset(rows)
    policy.reset([1, 2])
    policy.reset()
    assert np.shape(policy.predict(seen[:2])) == (2,)


def test_without_a_memory_states_are_of_no_numbers(tmp_path: Path) -> None:
    save_into(tmp_path)
    policy = townlet.load_policy(tmp_path)
    actions, state = policy.predict(np.zeros((2, 5), np.float32), state=policy.initial_state(2))
    assert np.shape(actions) == (2,) and state.shape == (2, 0)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("options", [{"layer_norm": True}, {"recurrent": "gru", "recurrent_units": 3}])
def test_networks_of_every_form_leave_as_onnx(tmp_path: Path, activation: Any, options: Any) -> None:
    network = ActorCritic(5, 3, NetworkConfig(hidden=(16, 8), activation=activation, **options), seed=2)
    save_policy(tmp_path, network, observation=OBSERVATION, actions=ACTIONS, provenance={})
    assert export_onnx(tmp_path, tmp_path / "policy.onnx").difference.share <= TOLERANCE


def test_a_network_of_ones_own_is_no_onnx_file(tmp_path: Path) -> None:
    townlet.register_network("mine", lambda features: torch.nn.Linear(features, 4))
    network = ActorCritic(5, 3, NetworkConfig(module="mine"), seed=2)
    save_policy(tmp_path, network, observation=OBSERVATION, actions=ACTIONS, provenance={})
    with pytest.raises(InputError, match=r"network\.module: found mine, expected a network of Townlet's own layers"):
        export_onnx(tmp_path, tmp_path / "policy.onnx")
