"""Draws of actions from logits, by uniform numbers that are given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def draw_actions(
    weights: NDArray[np.float64], draws: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Choose an action per row by inverting the cumulative distribution; return them and their log-probabilities.

    Args:
        weights: float64 [B, N], in proportion to the probabilities; 0 for illegal actions.
        draws: float64 [B] in [0, 1).
    """
    cumulative = weights.cumsum(axis=1)
    beyond = cumulative > (draws * cumulative[:, -1])[:, None]
    # Rounding can lift a threshold to the sum itself; then the last possible action is meant.
    last = weights.shape[1] - 1 - (weights[:, ::-1] > 0.0).argmax(axis=1)
    chosen = np.where(beyond.any(axis=1), beyond.argmax(axis=1), last)
    shares = np.take_along_axis(weights, chosen[:, None], 1)[:, 0] / cumulative[:, -1]
    return chosen, np.log(shares)


def weights_of(logits: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights in proportion to the probabilities, at most 1, float64 [B, N]; 0 for illegal actions.

    ``logits`` is float64 [B, N], finite or −inf; ``mask`` is bool [B, N], at least one true per row. If all legal
    logits of a row are −inf, its legal actions are equally probable.
    """
    legal = np.where(mask, logits, -np.inf)
    most = legal.max(axis=1, keepdims=True)
    return np.where(mask & (most == -np.inf), 1.0, np.exp(legal - np.where(most == -np.inf, 0.0, most)))
