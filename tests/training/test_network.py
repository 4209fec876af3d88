"""The actor-critic network, masking and sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Categorical

from townlet.behavior.network import ActorCritic, sample
from townlet.config.training import NetworkConfig

FEATURES, ACTIONS = 12, 6


def make_network(seed: int = 0, hidden: tuple[int, ...] = (32, 32)) -> ActorCritic:
    return ActorCritic(FEATURES, ACTIONS, NetworkConfig(hidden=hidden), seed=seed)


def random_input(rows: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    mask = rng.random((rows, ACTIONS)) < 0.5
    mask[:, 0] = True
    return torch.from_numpy(rng.normal(size=(rows, FEATURES)).astype(np.float32)), torch.from_numpy(mask)


def test_illegal_actions_have_zero_probability_and_the_legal_ones_share_all_of_it() -> None:
    observation, mask = random_input()
    log_probs, value = make_network()(observation, mask)
    assert log_probs.shape == (64, ACTIONS)
    assert value.shape == (64,)
    assert (log_probs.exp()[~mask] == 0.0).all()
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(64))


def test_illegal_actions_get_no_gradient() -> None:
    network = make_network()
    observation, mask = random_input()
    mask[:, 4] = False
    log_probs, value = network(observation, mask)
    (log_probs[mask].sum() + Categorical(logits=log_probs).entropy().sum() + value.sum()).backward()
    assert network.policy_head.weight.grad is not None and network.policy_head.bias.grad is not None
    assert (network.policy_head.weight.grad[4] == 0.0).all()
    assert network.policy_head.bias.grad[4] == 0.0
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    assert network.policy_head.weight.grad[0].abs().sum() > 0.0


def test_a_person_who_can_only_wait_waits_with_certainty_and_zero_entropy() -> None:
    observation, mask = random_input()
    mask[:] = False
    mask[:, 0] = True
    log_probs, _ = make_network()(observation, mask)
    assert (log_probs[:, 0] == 0.0).all()
    assert (Categorical(logits=log_probs).entropy() == 0.0).all()


def test_the_value_alone_is_the_value_of_the_whole_network() -> None:
    observation, mask = random_input()
    network = make_network()
    torch.testing.assert_close(network.value(observation), network(observation, mask)[1])


def test_weights_are_a_function_of_the_seed_and_leave_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = make_network(1), make_network(1), make_network(2)
    assert torch.equal(torch.get_rng_state(), before)
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])
    assert not torch.equal(first.trunk[0].weight, other.trunk[0].weight)


def test_layers_are_orthogonal_with_the_usual_gains_and_zero_biases() -> None:
    network = make_network()
    square = network.trunk[2].weight
    torch.testing.assert_close(square @ square.T, 2.0 * torch.eye(32), atol=1e-5, rtol=0)
    torch.testing.assert_close(network.policy_head.weight.norm(dim=1), torch.full((ACTIONS,), 0.01))
    torch.testing.assert_close(network.value_head.weight.norm(), torch.tensor(1.0))
    assert all((layer.bias == 0.0).all() for layer in network.modules() if isinstance(layer, torch.nn.Linear))


def test_the_first_policy_is_nearly_uniform_over_legal_actions() -> None:
    observation, mask = random_input()
    log_probs, _ = make_network()(observation, mask)
    torch.testing.assert_close(Categorical(logits=log_probs).entropy(), mask.sum(-1).float().log(), atol=1e-2, rtol=0)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_configured_activation_and_depth_are_used(activation: str) -> None:
    config = NetworkConfig.model_validate({"hidden": [8, 4, 2], "activation": activation})
    layers = list(ActorCritic(3, 2, config).trunk)
    assert [layer.out_features for layer in layers[::2]] == [8, 4, 2]
    assert {type(layer).__name__.lower() for layer in layers[1::2]} == {activation}


def test_sampled_frequencies_match_the_probabilities() -> None:
    log_probs = torch.log_softmax(torch.tensor([0.5, -1.0, -1e30, 2.0, 0.0]), -1)
    uniforms = torch.from_numpy(np.random.default_rng(7).random(100_000))
    drawn = sample(log_probs.expand(100_000, 5), uniforms)
    counts = np.bincount(drawn.numpy(), minlength=5)
    expected = log_probs.double().exp().numpy() * 100_000
    assert counts[2] == 0
    legal = [0, 1, 3, 4]
    chi_square = float(np.sum((counts[legal] - expected[legal]) ** 2 / expected[legal]))
    assert chi_square < 16.27  # exceeded once in 1,000 times with three degrees of freedom


@given(
    logits=st.lists(st.floats(-200, 200, width=32), min_size=2, max_size=8),
    legal=st.integers(1, 255),
    uniform=st.one_of(st.floats(0, 1, exclude_max=True), st.sampled_from([0.0, 5e-324, math.nextafter(1.0, 0.0)])),
)
def test_sampling_never_returns_an_impossible_action(logits: list[float], legal: int, uniform: float) -> None:
    mask = torch.tensor([bool(legal >> i & 1) for i in range(len(logits))])
    mask[0] |= not mask.any()
    log_probs = torch.log_softmax(torch.tensor(logits).masked_fill(~mask, -1e30), -1)
    action = int(sample(log_probs[None], torch.tensor([uniform], dtype=torch.float64)))
    assert mask[action]
    assert log_probs[action].double().exp() > 0.0


def test_sampling_uses_nothing_but_the_given_uniforms() -> None:
    observation, mask = random_input()
    log_probs, _ = make_network()(observation, mask)
    uniforms = torch.from_numpy(np.random.default_rng(1).random(64))
    first = sample(log_probs, uniforms)
    torch.rand(10)
    assert torch.equal(first, sample(log_probs, uniforms))
    order = torch.arange(63, -1, -1)
    assert torch.equal(first[order], sample(log_probs[order], uniforms[order]))
