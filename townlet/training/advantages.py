"""Advantages and value targets of recorded trajectories.

All arrays are [T, B]: T steps of B independent slots. ``next_value[t]`` is V of the observation after step ``t``. Two
flags end a trajectory after step ``t``:

* ``terminated``: the episode is over. Nothing beyond it has value, and ``next_value`` is not read.
* ``cut``: the record ends, by the time limit or a full buffer, but the episode does not. ``next_value`` stands for the
  rest.

What follows either flag belongs to another trajectory and has no influence, even if it is NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


class VTrace(NamedTuple):
    """V-trace estimates, each float32 [T, B]."""

    value_target: Floats
    """v_s, what the value function learns."""
    advantage: Floats
    """r_s + γ v_{s+1} − V(x_s); the policy gradient weights it by ``weight`` (Espeholt et al. 2018, section 4.2)."""
    weight: Floats
    """ρ_s, the truncated importance weight."""


def gae(
    reward: Floats,
    value: Floats,
    next_value: Floats,
    terminated: Flags,
    cut: Flags,
    gamma: float,
    lam: float | Floats,
) -> Floats:
    """Generalised advantage estimates, float32 [T, B] (Schulman et al. 2016, eq. 16).

    Â_t = Σ_l (γλ)^l δ_{t+l} with δ_t = r_t + γ V(s_{t+1}) − V(s_t), summed to the trajectory's end.
    ``lam`` may differ between steps: float32 [T, B]. The matching λ-return, the value function's target, is
    Â_t + V(s_t).
    """
    _check_shapes(reward, value, next_value, terminated, cut)
    delta = reward + gamma * np.where(terminated, np.float32(0.0), next_value) - value
    decay = np.float32(gamma * lam) if isinstance(lam, float) else np.float32(gamma) * lam
    return _discounted_sum(delta, np.broadcast_to(decay, delta.shape), terminated | cut)


def through_commitments(
    reward: Floats, value: Floats, next_value: Floats, terminated: Flags, cut: Flags, decided: Flags, gamma: float
) -> tuple[Floats, Floats]:
    """Values and next values in which steps without a decision have the discounted return until the next one.

    For such a step V(s_t) = r_t + γ V(s_{t+1}), so that its temporal difference is 0 and a decision's spans all ticks
    until the next: δ_t = Σ_{i<k} γ^i r_{t+i} + γ^k V(s_{t+k}) − V(s_t) (Sutton, Precup and Singh 1999, section 3).
    All arrays are [T, B]; ``decided`` marks the decisions.
    """
    _check_shapes(reward, value, next_value, terminated, cut, decided)
    filled, beyond = value.copy(), next_value.copy()
    ends = terminated | cut
    for t in reversed(range(len(reward))):
        if t + 1 < len(reward):
            np.copyto(beyond[t], filled[t + 1], where=~ends[t])
        rest = np.where(terminated[t], np.float32(0.0), beyond[t])
        np.copyto(filled[t], reward[t] + np.float32(gamma) * rest, where=~decided[t])
    return filled, beyond


def vtrace(
    reward: Floats,
    value: Floats,
    next_value: Floats,
    terminated: Flags,
    cut: Flags,
    log_ratio: Floats,
    gamma: float,
    rho_bar: float = 1.0,
    c_bar: float = 1.0,
    lam: float | Floats = 1.0,
) -> VTrace:
    """V-trace value targets and advantages for off-policy data (Espeholt et al. 2018, eq. 1).

    v_s = V(x_s) + Σ_t γ^{t−s} (Π_{i=s}^{t−1} c_i) ρ_t (r_t + γ V(x_{t+1}) − V(x_t)), summed to the trajectory's end,
    with ρ_t = min(ρ̄, π/μ) and c_i = λ min(c̄, π/μ) (λ: remark 2). With π = μ and bounds of at least 1, the targets are
    the λ-returns of :func:`gae`.

    Args:
        reward: [T, B], like the next four; see the module.
        value: see the module.
        next_value: see the module.
        terminated: see the module.
        cut: see the module.
        log_ratio: float32 [T, B], ln π(a|x) − ln μ(a|x) of the recorded action; π is the policy to be improved, μ the
            one that acted.
        gamma: discount per step.
        rho_bar: the bound ρ̄.
        c_bar: the bound c̄.
        lam: λ, which may differ between steps: float32 [T, B].
    """
    _check_shapes(reward, value, next_value, terminated, cut, log_ratio)
    # Truncating the logarithm keeps the ratio of a wildly improbable action from overflowing.
    rho = np.exp(np.minimum(log_ratio, np.float32(np.log(rho_bar))))
    c = lam * np.exp(np.minimum(log_ratio, np.float32(np.log(c_bar))))
    beyond = np.where(terminated, np.float32(0.0), next_value)
    ends = terminated | cut
    correction = _discounted_sum(rho * (reward + gamma * beyond - value), gamma * c, ends)
    target = value + correction
    next_target = beyond.copy()
    np.copyto(next_target[:-1], target[1:], where=~ends[:-1])
    advantage = reward + gamma * next_target - value
    return VTrace(*(part.astype(np.float32, copy=False) for part in (target, advantage, rho)))


def _discounted_sum(term: NDArray[np.floating], decay: NDArray[np.floating], ends: Flags) -> Floats:
    """x_t = term_t + decay_t x_{t+1}, where x_{t+1} counts as 0 after an end; [T, B]."""
    result = np.empty(term.shape, np.float32)
    carried = np.zeros(term.shape[1:], np.float32)
    for t in reversed(range(len(term))):
        # Assignment, not multiplication by 0, because 0 × NaN would leak.
        np.copyto(carried, 0.0, where=ends[t])
        np.multiply(carried, decay[t], out=carried)
        np.add(carried, term[t], out=carried)
        result[t] = carried
    return result


def _check_shapes(*arrays: NDArray[np.generic]) -> None:
    shapes = {array.shape for array in arrays}
    if len(shapes) != 1 or len(arrays[0].shape) != 2:
        raise ValueError(f"found shapes {sorted(shapes)}, expected one shape [T, B] for all")
