"""Regression on recorded actions, weighted or not (cloning): weights, and agent-steps held out for evaluation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.config.training import TrainingConfig
from townlet.rollout import RolloutBuffer
from townlet.training.advantages import Floats


def regression_weight(advantage: Floats, rows: NDArray[np.int64], config: TrainingConfig) -> Floats:
    """exp(Â / β), at most ``awr_max_weight``, float32 of the shape of ``advantage`` (Peng et al. 2019, eq. 9).

    As in their code, advantages are normalised over the agent-steps ``rows``, int64 [S], that are learnt from, unless
    ``normalize_advantage`` is off.
    """
    scaled = advantage.astype(np.float64)
    if config.ppo.normalize_advantage:
        learnt = scaled.ravel()[rows]
        scaled = (scaled - learnt.mean()) / (learnt.std() + 1e-8)
    bound = np.log(config.replay.awr_max_weight)
    return np.exp(np.minimum(scaled / config.replay.awr_beta, bound)).astype(np.float32)


def held_out_rows(buffer: RolloutBuffer, rows: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """The ``rows``, int64 [S], in evenly spaced whole worlds, or in the last ticks if there is only one world.

    Agent-steps of one world resemble each other, so accuracy on a random sample of them would measure memory, not
    learning.
    The result is empty if ``share`` is 0, or if nothing would be left to learn from.
    """
    tick, world, _ = np.unravel_index(rows, buffer.alive.shape)
    if share == 0.0:
        kept = np.zeros(len(rows), np.bool_)
    elif buffer.worlds == 1:
        kept = tick >= buffer.ticks - max(1, round(share * buffer.ticks))
    else:
        count = max(1, round(share * buffer.worlds))
        kept = np.isin(world, (np.arange(count) * buffer.worlds + buffer.worlds // 2) // count)
    return rows[kept] if not kept.all() else rows[:0]
