"""GAE and V-trace against the sums that define them in their papers, written without the recursion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from townlet.config.training import TrainingConfig
from townlet.training.advantages import gae, through_commitments, vtrace
from townlet.training.trajectories import Trajectories

GAMMA = 0.97


def random_trajectories(seed: int, steps: int = 9, slots: int = 5) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    shape = (steps, slots)
    floats = {name: rng.normal(size=shape).astype(np.float32) for name in ("reward", "value", "next_value")}
    return {**floats, "terminated": rng.random(shape) < 0.15, "cut": rng.random(shape) < 0.15}


def end_of(data: dict[str, NDArray[Any]], start: int, slot: int) -> int:
    """The last step of the trajectory that contains step ``start``."""
    steps = len(data["reward"])
    return next((t for t in range(start, steps) if data["terminated"][t, slot] or data["cut"][t, slot]), steps - 1)


def temporal_difference(data: dict[str, NDArray[Any]], t: int, b: int) -> float:
    beyond = 0.0 if data["terminated"][t, b] else float(data["next_value"][t, b])
    return float(data["reward"][t, b]) + GAMMA * beyond - float(data["value"][t, b])


@given(seed=st.integers(0, 10_000), lam=st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_gae_is_the_discounted_sum_of_temporal_differences_up_to_the_end(seed: int, lam: float) -> None:
    data = random_trajectories(seed)
    expected = np.zeros_like(data["reward"], np.float64)
    for (t, b), _ in np.ndenumerate(expected):
        # Schulman et al. 2016, eq. 16: Σ_l (γλ)^l δ_{t+l}.
        expected[t, b] = sum(
            (GAMMA * lam) ** (k - t) * temporal_difference(data, k, b) for k in range(t, end_of(data, t, b) + 1)
        )
    np.testing.assert_allclose(gae(**data, gamma=GAMMA, lam=lam), expected, atol=1e-5)


@given(
    seed=st.integers(0, 10_000),
    rho_bar=st.sampled_from([0.5, 1.0, 3.0]),
    c_bar=st.sampled_from([0.5, 1.0, 3.0]),
    lam=st.sampled_from([0.9, 1.0]),
)
def test_vtrace_targets_are_the_sum_of_equation_1(seed: int, rho_bar: float, c_bar: float, lam: float) -> None:
    data = random_trajectories(seed)
    log_ratio = np.random.default_rng(seed + 1).normal(size=data["reward"].shape).astype(np.float32)
    ratio = np.exp(log_ratio.astype(np.float64))
    rho, c = np.minimum(rho_bar, ratio), lam * np.minimum(c_bar, ratio)
    target = np.zeros_like(ratio)
    for (s, b), _ in np.ndenumerate(target):
        terms = [
            GAMMA ** (t - s) * np.prod(c[s:t, b]) * rho[t, b] * temporal_difference(data, t, b)
            for t in range(s, end_of(data, s, b) + 1)
        ]
        target[s, b] = data["value"][s, b] + sum(terms)
    gradient = np.zeros_like(ratio)
    for (s, b), _ in np.ndenumerate(gradient):
        # Section 4.2: ρ_s (r_s + γ v_{s+1} − V(x_s)); beyond an end, v is the bootstrap, or nothing if
        # terminated.
        last = end_of(data, s, b) == s
        beyond = data["next_value"][s, b] * (not data["terminated"][s, b]) if last else target[s + 1, b]
        gradient[s, b] = rho[s, b] * (data["reward"][s, b] + GAMMA * beyond - data["value"][s, b])

    estimate = vtrace(**data, log_ratio=log_ratio, gamma=GAMMA, rho_bar=rho_bar, c_bar=c_bar, lam=lam)
    np.testing.assert_allclose(estimate.value_target, target, atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(estimate.weight, rho, rtol=1e-5)
    np.testing.assert_allclose(estimate.weight * estimate.advantage, gradient, atol=1e-4, rtol=1e-4)


@given(seed=st.integers(0, 10_000))
def test_vtrace_of_on_policy_data_has_the_lambda_returns_as_targets(seed: int) -> None:
    data = random_trajectories(seed)
    on_policy = vtrace(**data, log_ratio=np.zeros_like(data["reward"]), gamma=GAMMA, lam=0.95)
    returns = gae(**data, gamma=GAMMA, lam=0.95) + data["value"]
    np.testing.assert_allclose(on_policy.value_target, returns, atol=1e-5)


def test_a_cut_bootstraps_from_the_value_beyond_and_a_termination_does_not() -> None:
    one = np.ones((1, 2), np.float32)
    terminated, cut = np.array([[True, False]]), np.array([[True, True]])
    advantage = gae(one, 0 * one, 10 * one, terminated, cut, gamma=0.5, lam=0.9)
    np.testing.assert_array_equal(advantage, [[1.0, 6.0]])
    estimate = vtrace(one, 0 * one, 10 * one, terminated, cut, 0 * one, gamma=0.5)
    np.testing.assert_array_equal(estimate.value_target, [[1.0, 6.0]])


@pytest.mark.parametrize("end", ["terminated", "cut"])
def test_what_follows_an_end_has_no_influence_even_if_it_is_nan(end: str) -> None:
    data = random_trajectories(3)
    data["terminated"][:], data["cut"][:] = False, False
    data[end][4] = True
    log_ratio = np.full_like(data["reward"], -0.3)
    before = gae(**data, gamma=GAMMA, lam=0.9)[:5], vtrace(**data, log_ratio=log_ratio, gamma=GAMMA)
    for name in ("reward", "value", "next_value"):
        data[name][5:] = np.nan
    log_ratio[5:] = np.nan
    after = gae(**data, gamma=GAMMA, lam=0.9)[:5], vtrace(**data, log_ratio=log_ratio, gamma=GAMMA)
    np.testing.assert_array_equal(before[0], after[0])
    for earlier, later in zip(before[1], after[1], strict=True):
        np.testing.assert_array_equal(earlier[:5], later[:5])


def test_a_terminated_step_ignores_its_next_value_even_if_it_is_nan() -> None:
    one = np.ones((1, 1), np.float32)
    yes = np.array([[True]])
    assert gae(one, 0 * one, np.nan * one, yes, ~yes, gamma=0.9, lam=0.9) == 1.0
    assert vtrace(one, 0 * one, np.nan * one, yes, ~yes, 0 * one, gamma=0.9).advantage == 1.0


def test_an_extremely_improbable_action_does_not_overflow_the_weights() -> None:
    data = random_trajectories(5)
    estimate = vtrace(**data, log_ratio=np.full_like(data["reward"], 1e4), gamma=GAMMA)
    assert all(np.isfinite(part).all() for part in estimate)


def test_arrays_of_different_shapes_are_refused() -> None:
    data = random_trajectories(0)
    data["value"] = data["value"][:-1]
    with pytest.raises(ValueError, match=r"one shape \[T, B\]"):
        gae(**data, gamma=GAMMA, lam=0.9)


def with_decisions(seed: int) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
    """Trajectories in which a third of the steps are decisions; all values that must not count are NaN."""
    data = random_trajectories(seed, steps=14)
    decided = np.random.default_rng(seed + 2).random(data["reward"].shape) < 0.35
    data["value"][~decided] = np.nan
    ends = data["terminated"] | data["cut"]
    ends[-1] = True
    data["next_value"][~ends | data["terminated"]] = np.nan
    return data, decided


def step_of_several(data: dict[str, NDArray[Any]], decided: NDArray[Any], t: int, b: int) -> tuple[float, int, bool]:
    """The discounted return from a step until the next decision, with the value then, how many steps, and if it ends.

    Sutton, Precup and Singh 1999, section 3: r_t + γ r_{t+1} + … + γ^k V(s_{t+k}).
    """
    last, total, k = end_of(data, t, b), 0.0, 0
    while True:
        total += GAMMA**k * float(data["reward"][t + k, b])
        if t + k == last:
            beyond = 0.0 if data["terminated"][last, b] else float(data["next_value"][last, b])
            return total + GAMMA ** (k + 1) * beyond, k + 1, True
        k += 1
        if decided[t + k, b]:
            return total + GAMMA**k * float(data["value"][t + k, b]), k, False


def trajectories_of(data: dict[str, NDArray[Any]], decided: NDArray[np.bool_]) -> Trajectories:
    filled, beyond = through_commitments(**data, decided=decided, gamma=GAMMA)
    return Trajectories(data["reward"], filled, beyond, data["terminated"], data["cut"], decided)


@given(seed=st.integers(0, 10_000), lam=st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_advantages_through_commitments_are_those_of_steps_that_take_several_ticks(seed: int, lam: float) -> None:
    data, decided = with_decisions(seed)
    expected = np.full(decided.shape, np.nan)
    for t, b in reversed(np.argwhere(decided).tolist()):
        back, k, over = step_of_several(data, decided, t, b)
        following = 0.0 if over else GAMMA**k * lam * expected[t + k, b]
        expected[t, b] = back - data["value"][t, b] + following
    config = TrainingConfig.model_validate({"ppo": {"gamma": GAMMA, "gae_lambda": lam}})
    found = trajectories_of(data, decided)
    np.testing.assert_allclose(found.gae(config)[decided], expected[decided], atol=1e-5)
    # Elsewhere the value is what the step earns until the next decision, and the value then.
    for t, b in np.argwhere(~decided):
        assert found.value[t, b] == pytest.approx(step_of_several(data, decided, t, b)[0], abs=1e-5)


@given(
    seed=st.integers(0, 10_000),
    rho_bar=st.sampled_from([0.5, 1.0, 3.0]),
    c_bar=st.sampled_from([0.5, 1.0, 3.0]),
    lam=st.sampled_from([0.9, 1.0]),
)
def test_vtrace_through_commitments_weights_decisions_alone(
    seed: int, rho_bar: float, c_bar: float, lam: float
) -> None:
    data, decided = with_decisions(seed)
    log_ratio = np.random.default_rng(seed + 1).normal(size=decided.shape).astype(np.float32)
    # Whatever is certain under both policies has the ratio 1.
    log_ratio[~decided] = 0.0
    ratio = np.exp(log_ratio.astype(np.float64))
    target, gradient = np.full(decided.shape, np.nan), np.full(decided.shape, np.nan)
    for t, b in reversed(np.argwhere(decided).tolist()):
        back, k, over = step_of_several(data, decided, t, b)
        value, rho, c = float(data["value"][t, b]), min(rho_bar, ratio[t, b]), lam * min(c_bar, ratio[t, b])
        gained = 0.0 if over else GAMMA**k * (target[t + k, b] - data["value"][t + k, b])
        target[t, b] = value + rho * (back - value) + c * gained
        gradient[t, b] = rho * (back + gained - value)
    replay = {"rho_bar": rho_bar, "c_bar": c_bar}
    config = TrainingConfig.model_validate({"ppo": {"gamma": GAMMA, "gae_lambda": lam}, "replay": replay})
    estimate = trajectories_of(data, decided).vtrace(config, log_ratio)
    np.testing.assert_allclose(estimate.value_target[decided], target[decided], atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose((estimate.weight * estimate.advantage)[decided], gradient[decided], atol=1e-4, rtol=1e-4)


@given(seed=st.integers(0, 10_000))
def test_where_every_step_is_a_decision_nothing_changes(seed: int) -> None:
    data = random_trajectories(seed)
    ends = data["terminated"] | data["cut"]
    np.copyto(data["next_value"][:-1], data["value"][1:], where=~ends[:-1])
    everywhere = np.ones_like(ends)
    config = TrainingConfig.model_validate({"ppo": {"gamma": GAMMA}})
    found = trajectories_of(data, everywhere)
    plain = Trajectories(**data)
    np.testing.assert_array_equal(found.value, data["value"])
    np.testing.assert_allclose(found.gae(config), plain.gae(config), atol=1e-6)
