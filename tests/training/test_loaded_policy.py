"""Policies in a loop of one's own: what they choose, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import townlet
from townlet.behavior.loaded_policy import LoadedPolicy
from townlet.behavior.neural import NeuralBehavior
from townlet.behavior.policy_file import load_policy
from townlet.errors import InputError
from townlet.simulation import SimulationLoop
from townlet.world import Town


@pytest.fixture(scope="module")
def policy() -> LoadedPolicy:
    return townlet.load_policy("generalist", scenario="queue_conflict", seed=7)


@pytest.mark.parametrize("deterministic", [False, True])
def test_in_every_tick_it_says_what_the_behaviour_of_the_same_policy_does(
    policy: LoadedPolicy, deterministic: bool
) -> None:
    assert policy.scenario is not None
    town = Town(policy.scenario, worlds=4, seed=5)
    names = [str(feature["name"]) for feature in town.observation_schema]
    network, _ = load_policy("generalist", observation=town.observation_schema, actions=town.action_names)
    behavior = NeuralBehavior(network, greedy=deterministic)
    assert (list(policy.features), list(policy.actions)) == (names, town.action_names)
    mask = np.empty_like(town.mask)
    action, log_prob = np.empty(town.alive.shape, np.int32), np.empty(town.alive.shape, np.float32)
    value, decided = np.empty_like(log_prob), 0
    for _ in range(60):
        behavior.act_within(town, mask, action, log_prob, value)
        seen, legal = town.observation.reshape(-1, len(names)), mask.reshape(-1, len(policy.actions))
        if deterministic:
            assert np.array_equal(policy.predict(seen, legal, deterministic=True), action.reshape(-1))
        else:
            log_probs = policy.log_probs(seen, legal)
            chosen = log_probs[np.arange(action.size), action.reshape(-1)]
            np.testing.assert_allclose(chosen, log_prob.reshape(-1), rtol=1e-6, atol=1e-6)
        chooses = np.isfinite(value)
        np.testing.assert_allclose(policy.value(town.observation[chooses]), value[chooses], rtol=1e-6)
        decided += int(chooses.sum())
        town.step(action)
    assert 100 < decided < 60 * action.size


def test_in_an_environment_with_its_commitment_it_lives_the_day_that_a_capture_records(policy: LoadedPolicy) -> None:
    assert policy.scenario is not None
    loop = SimulationLoop(policy.scenario, worlds=3, seed=5)
    network, _ = load_policy(
        "generalist", observation=loop.town.observation_schema, actions=list(loop.town.action_names)
    )
    recorded = loop.new_buffer(60)
    loop.collect(recorded, NeuralBehavior(network, greedy=True))
    batch = townlet.vector_env(policy.scenario, worlds=3, seed=5, commitment_ticks=policy.commitment_ticks)
    observations, info = batch.reset()
    for tick in range(60):
        assert np.array_equal(info["action_mask"].reshape(recorded.mask[tick].shape), recorded.mask[tick])
        actions = policy.predict(observations, info["action_mask"], deterministic=True)
        assert np.array_equal(actions, recorded.action[tick].reshape(-1))
        observations, _, _, _, info = batch.step(actions)


def test_actions_are_drawn_from_the_probabilities_and_equal_seeds_draw_equal_ones(policy: LoadedPolicy) -> None:
    observation, mask = first_of("queue_conflict", policy)
    again = townlet.load_policy("generalist", scenario="queue_conflict", seed=7)
    drawn = [
        policy.predict(np.tile(observation, (20_000, 1)), np.tile(mask, (20_000, 1))) for policy in (policy, again)
    ]
    probability = np.exp(policy.log_probs(observation, mask), dtype=np.float64)
    share = np.bincount(drawn[0], minlength=len(mask)) / 20_000
    error = np.sqrt(probability * (1 - probability) / 20_000)
    # The seed decides, so this holds always or never.
    assert (np.abs(share - probability) <= 4 * error + 1e-12).all()
    assert (share[~mask] == 0).all() and share.max() < 1
    third = townlet.load_policy("generalist", scenario="queue_conflict", seed=8)
    assert not np.array_equal(drawn[0], third.predict(np.tile(observation, (20_000, 1)), np.tile(mask, (20_000, 1))))


def test_single_observations_batches_and_those_of_our_environments_are_alike(policy: LoadedPolicy) -> None:
    town = townlet.parallel_env(policy.scenario)
    observations, _ = town.reset(seed=0)
    given = observations["anna_0"]
    observation, mask = given["observation"], given["action_mask"]
    one = policy.log_probs(given)
    assert (one.shape, one.dtype) == ((len(policy.actions),), np.float32)
    assert np.array_equal(one, policy.log_probs(observation, mask == 1))
    assert np.array_equal(one, policy.log_probs({"observation": observation[None], "action_mask": mask[None]})[0])
    assert np.array_equal(one, policy.log_probs(torch.from_numpy(observation), torch.from_numpy(mask)))
    action, value = policy.predict(given, deterministic=True), policy.value(given)
    assert type(action) is int and action == one.argmax()
    assert type(value) is float
    batch = np.stack([one["observation"] for one in observations.values()])
    actions, values = policy.predict(batch), policy.value(batch)
    assert isinstance(actions, np.ndarray) and (actions.shape, actions.dtype) == ((len(batch),), np.int64)
    assert isinstance(values, np.ndarray) and (values.shape, values.dtype) == ((len(batch),), np.float32)
    # Torch's kernel rounds a row by the number of rows.
    assert values[0] == pytest.approx(value, rel=1e-6)
    none = policy.predict(batch[:0])
    assert isinstance(none, np.ndarray) and none.shape == (0,)
    # Without a mask all actions are legal.
    assert np.exp(policy.log_probs(observation)).sum() == pytest.approx(1, abs=1e-5)
    assert (policy.log_probs(observation) > -1e3).all()


def test_without_a_town_it_has_the_features_and_actions_of_its_card() -> None:
    policy = townlet.load_policy("generalist")
    assert policy.scenario is None
    assert list(policy.features) == [feature["name"] for feature in policy.card.observation]
    assert list(policy.actions) == policy.card.actions
    assert policy.commitment_ticks == policy.card.network.commitment_ticks == 16


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda o, m: (o[:-1], m), r"observation: found shape \((\d+),\), expected \(\d+,\) or \(rows, \d+\)"),
        (lambda o, m: (o.astype(int), m), "observation: found numbers of type int64, expected float32"),
        (lambda o, m: (np.where(np.arange(len(o)) == 2, np.nan, o), m), r"observation\.2: found nan for need_energy"),
        (lambda o, m: (o.astype(float) * 0 + 1e300, m), "observation.0: found inf for need_hunger"),
        (lambda o, m: (np.stack([o, o]), m), r"mask: found shape \(\d+,\), expected \(2, \d+\)"),
        (lambda o, m: (np.stack([o, o]), np.stack([m, m & False])), "mask.1: found no legal action, expected at least"),
        (lambda o, m: (o, m.astype(np.float32)), "mask: found numbers of type float32, expected bool or int8"),
        (lambda o, m: (o, m.astype(np.int8) * 2), "mask: found 2, expected 0 or 1"),
        (
            lambda o, m: ({"action_mask": m}, None),
            "observation: found a mapping of 'action_mask', expected 'observation",
        ),
        (lambda o, m: ([[1.0], [1.0, 2.0]], m), "observation: found what NumPy cannot read"),
    ],
)
def test_unusable_observations_and_masks_are_refused(policy: LoadedPolicy, change: Any, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        policy.predict(*change(*first_of("queue_conflict", policy)))


def test_unknown_policies_towns_and_seeds_are_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'generalist'"):
        townlet.load_policy("generalst")
    with pytest.raises(InputError, match="did you mean 'town_day'"):
        townlet.load_policy("generalist", scenario="town_dy")
    with pytest.raises(InputError, match="found -1, expected a whole number from 0 on"):
        townlet.load_policy("generalist", seed=-1)


def first_of(scenario: str, policy: LoadedPolicy) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """What the first person observes in the beginning, and their legal actions."""
    assert policy.scenario is not None and policy.scenario.name == scenario
    town = Town(policy.scenario, worlds=1, seed=5)
    return town.observation[0, 0].copy(), town.mask[0, 0].copy()
