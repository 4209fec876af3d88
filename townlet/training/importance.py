"""Statistics of importance-weighted data, such as its effective size."""

from __future__ import annotations

import numpy as np

from townlet.training.advantages import Floats


def importance_statistics(weight: Floats, log_ratio: Floats) -> dict[str, float]:
    """Telemetry fields about the truncated importance weights and the log-ratios of recorded data, float32 [S]."""
    return {
        "importance_weight_mean": float(weight.mean(dtype=np.float64)),
        "effective_sample_share": effective_sample_share(log_ratio),
        "log_ratio_abs_mean": float(np.abs(log_ratio).mean(dtype=np.float64)),
    }


def effective_sample_share(log_weight: Floats) -> float:
    """Kish's effective sample size as a share of the number of weights, (Σw)² / (S Σw²), in (0, 1].

    ``log_weight``, float32 [S], holds ln w.
    """
    weight = np.exp(log_weight.astype(np.float64) - float(log_weight.max()))
    return min(1.0, float(weight.sum() ** 2 / (len(weight) * np.square(weight).sum())))
