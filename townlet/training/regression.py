"""Learning a recorded policy's actions by regression: which count how much, and which are kept to judge it by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.config.training import TrainingConfig
from townlet.rollout import RolloutBuffer
from townlet.training.advantages import Floats


def regression_weight(advantage: Floats, rows: NDArray[np.int64], config: TrainingConfig) -> Floats:
    """exp(Â / β), at most ``awr_max_weight``, float32 of the shape of ``advantage`` (Peng et al. 2019, eq. 9).

    As their code has it, advantages are normalised over the agent-steps ``rows`` that are learnt from, if
    advantages are to be normalised at all.
    """
    scaled = advantage.astype(np.float64)
    if config.ppo.normalize_advantage:
        learnt = scaled.ravel()[rows]
        scaled = (scaled - learnt.mean()) / (learnt.std() + 1e-8)
    bound = np.log(config.replay.awr_max_weight)
    return np.exp(np.minimum(scaled / config.replay.awr_beta, bound)).astype(np.float32)


def held_out_rows(buffer: RolloutBuffer, rows: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Those of ``rows`` that lie in evenly spaced whole worlds, or in the last ticks if there is one world.

    Agent-steps of one world resemble each other: a random draw among them would judge memory instead of learning.
    Empty if ``share`` is 0, or if nothing would be left to learn from.
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
