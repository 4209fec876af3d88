"""Losses on numbers that can be checked by hand, and divergences against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from townlet.training import losses


def surrogate(ratio: float, advantage: float, weight: float | None = None) -> tuple[float, float]:
    """The loss of one agent-step, and its gradient with respect to the new log-probability."""
    log_prob = torch.tensor([math.log(0.5 * ratio)], requires_grad=True)
    weights = None if weight is None else torch.tensor([weight])
    loss = losses.clipped_surrogate(log_prob, torch.tensor([math.log(0.5)]), torch.tensor([advantage]), 0.2, weights)
    (gradient,) = torch.autograd.grad(loss, log_prob)
    return loss.item(), gradient.item()


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "gradient"),
    [
        (1.0, 2.0, -2.0, -2.0),
        (1.1, 2.0, -2.2, -2.2),
        (1.5, 2.0, -2.4, 0.0),  # a good action that is already likelier by more than ε: no gradient
        (0.5, 2.0, -1.0, -1.0),  # a good action that became less likely: full gradient
        (0.5, -2.0, 1.6, 0.0),
        (1.5, -2.0, 3.0, 3.0),
    ],
)
def test_the_surrogate_is_clipped_only_where_a_step_would_gain_by_leaving_the_trust_region(
    ratio: float, advantage: float, loss: float, gradient: float
) -> None:
    assert surrogate(ratio, advantage) == pytest.approx((loss, gradient), abs=1e-6)


def test_importance_weights_scale_the_surrogate() -> None:
    assert surrogate(1.1, 2.0, weight=0.25) == pytest.approx((-0.55, -0.55), abs=1e-6)


def test_the_surrogate_of_an_action_that_became_e_to_the_200_times_likelier_has_a_finite_gradient() -> None:
    log_prob = torch.tensor([0.0], requires_grad=True)
    loss = losses.clipped_surrogate(log_prob, torch.tensor([-200.0]), torch.tensor([1.0]), 0.2)
    loss.backward()
    assert loss.item() == pytest.approx(-1.2)
    assert log_prob.grad is not None and log_prob.grad.item() == 0.0


def test_the_value_loss_is_the_mean_squared_error_without_a_half() -> None:
    assert losses.value_loss(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 4.0])).item() == 2.5


def test_the_cloning_loss_is_the_cross_entropy_of_the_recorded_actions() -> None:
    assert losses.cloning_loss(torch.tensor([0.5, 0.125]).log()).item() == pytest.approx(2 * math.log(2))


@given(seed=st.integers(0, 10_000), scale=st.floats(0.0, 5.0))
def test_the_approximate_kl_has_the_exact_kl_as_its_expectation_under_the_old_policy(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    old = torch.log_softmax(torch.from_numpy(rng.normal(size=6)), 0)
    new = torch.log_softmax(torch.from_numpy(scale * rng.normal(size=6)), 0)
    expectation = (old.exp() * losses.approximate_kl(new - old)).sum().item()
    exact = losses.categorical_kl(old[None], new[None]).item()
    assert expectation == pytest.approx(exact, rel=1e-6, abs=1e-9)
    assert exact == pytest.approx(
        sum(p * (math.log(p) - q) for p, q in zip(old.exp().tolist(), new.tolist(), strict=True))
    )


@given(log_ratio=st.floats(-80, 80, width=32))
def test_the_approximate_kl_is_never_negative_and_keeps_its_digits_near_zero(log_ratio: float) -> None:
    estimate = losses.approximate_kl(torch.tensor([log_ratio])).item()
    assert estimate >= 0.0
    if abs(log_ratio) < 1e-4:
        assert estimate == pytest.approx(log_ratio**2 / 2, rel=1e-3, abs=1e-24)


def test_identical_policies_do_not_diverge() -> None:
    log_probs = torch.log_softmax(torch.randn(100, 7, generator=torch.Generator().manual_seed(0)), -1)
    assert losses.categorical_kl(log_probs, log_probs).max().item() == 0.0
