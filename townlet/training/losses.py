"""Losses and divergences of a policy, each a pure function named as its paper names it.

``log_prob`` is the log-probability (nats) of the recorded action, [B]; ``log_probs`` holds those of all actions,
[B, N].
"""

from __future__ import annotations

import torch
from torch import Tensor


def clipped_surrogate(
    log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, epsilon: float, weight: Tensor | None = None
) -> Tensor:
    """PPO's clipped surrogate objective as a loss, scalar (Schulman et al. 2017, eq. 7).

    −E[min(r A, clip(r, 1 − ε, 1 + ε) A)] with r = π_new(a|s) / π_old(a|s). With ``weight`` = π_old / π_behavior, [B],
    it is the decoupled objective of Hilton et al. 2022, for data that a policy other than π_old recorded. The
    arithmetic is float64: a float32 ratio overflows at 88 nats, and its gradient with it.
    """
    ratio = torch.exp(log_prob.double() - old_log_prob.double())
    advantage = advantage.double()
    surrogate = torch.minimum(ratio * advantage, ratio.clamp(1.0 - epsilon, 1.0 + epsilon) * advantage)
    return -(surrogate if weight is None else surrogate * weight).mean()


def cloning_loss(log_prob: Tensor, weight: Tensor | None = None) -> Tensor:
    """Behavior cloning, scalar: −E[ln π(a|s)], cross-entropy at the recorded actions (Pomerleau 1991).

    With ``weight``, [B], −E[w ln π(a|s)]: advantage-weighted regression if w = exp(A / β) (Peng et al. 2019, eq. 9).
    """
    return -(log_prob if weight is None else log_prob * weight).mean()


def value_loss(value: Tensor, target: Tensor, old_value: Tensor | None = None, clip: float | None = None) -> Tensor:
    """E[(V(s) − V_target)²], scalar, without a half (Schulman et al. 2017, L^VF in eq. 9); inputs [B].

    With ``clip``, V is clipped to within this distance of ``old_value``, the estimate before the phase; beyond it there
    is no gradient. This is ``clip_range_vf`` of Stable-Baselines3.
    """
    if clip is not None and old_value is not None:
        value = old_value + (value - old_value).clamp(-clip, clip)
    return torch.nn.functional.mse_loss(value, target)


def approximate_kl(log_ratio: Tensor) -> Tensor:
    """(r − 1) − ln r, float64 [B], for ln r = ln π_new(a|s) − ln π_old(a|s) of actions drawn from π_old.

    Never negative, and KL(π_old ‖ π_new) in expectation (the estimator k3 of Schulman 2020, "Approximating KL
    divergence").
    """
    log_ratio = log_ratio.double()
    return (torch.expm1(log_ratio) - log_ratio).clamp(min=0.0)


def categorical_kl(old_log_probs: Tensor, log_probs: Tensor) -> Tensor:
    """KL(π_old ‖ π_new) = Σ_a π_old(a|s) (ln π_old(a|s) − ln π_new(a|s)) in nats, float64 [B], never negative."""
    old, new = old_log_probs.double(), log_probs.double()
    # Probabilities rounded to float32 do not sum to exactly 1, so the divergence can come out just below 0.
    return (old.exp() * (old - new)).sum(dim=-1).clamp(min=0.0)
