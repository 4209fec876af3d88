"""Figures about a batch of experience: correlation, and how much importance-weighted data counts."""

from __future__ import annotations

import numpy as np

from townlet.training.advantages import Floats


def importance_statistics(weight: Floats, log_ratio: Floats) -> dict[str, float]:
    """Telemetry fields about the importance weights, truncated, and log-ratios, both float32 [S], of replayed data."""
    return {
        "importance_weight_mean": float(weight.mean(dtype=np.float64)),
        "effective_sample_share": effective_sample_share(log_ratio),
        "log_ratio_abs_mean": float(np.abs(log_ratio).mean(dtype=np.float64)),
    }


def effective_sample_share(log_weight: Floats) -> float:
    """Kish's effective sample size of importance weights as a share of their number: (Σw)² / (S Σw²), in (0,
    1]."""
    weight = np.exp(log_weight.astype(np.float64) - float(log_weight.max()))
    return min(1.0, float(weight.sum() ** 2 / (len(weight) * np.square(weight).sum())))


def correlation(x: Floats, y: Floats) -> float:
    """Pearson's r, computed in float64; 0 where either does not vary."""
    if x.min() == x.max() or y.min() == y.max():
        return 0.0
    dx, dy = (z.astype(np.float64) - z.mean(dtype=np.float64) for z in (x, y))
    # Sums, not dot products: those go to a matrix library whose threads change the order of summation.
    return float(np.clip((dx * dy).sum() / np.sqrt((dx * dx).sum() * (dy * dy).sum()), -1.0, 1.0))
