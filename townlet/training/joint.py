"""Batches of fresh and recorded experience together, under the decoupled objective (Hilton et al. 2022, eq. 5).

PPO clips around the proximal policy, the network as it was at the start of the cycle. Each agent-step is weighted by
the ratio of its action's probabilities under the proximal policy and under the policy that acted. On fresh experience
these are the same policy and the weight is 1. Values of recorded experience are learnt from V-trace targets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from townlet.behavior.network import ActorCritic
from townlet.config.training import TrainingConfig
from townlet.rollout import RolloutBuffer
from townlet.seeds import fold_seed
from townlet.training.advantages import Floats
from townlet.training.batch import Batch, batch_statistics, evaluate, rollout_batch
from townlet.training.importance import importance_statistics
from townlet.training.replay import replay_batch

# Stream of the draw of segments. Others under the same seed: the minibatch order, keyed by the epoch, has the numbers
# from 0 on; the draw of people in a hand-over those from 2^62 on; the draws of towns, and of their worlds' seeds, those
# from 3 · 2^61 and from 3 · 2^61 + 2^60 on.
_STREAM = 1 << 63


@dataclass(frozen=True)
class Segments:
    """Segments of recorded agent-steps, drawn for one cycle."""

    rows: NDArray[np.int64]
    """[S]: the agent-steps of the drawn segments, in order."""
    found: int
    """The number of recorded segments."""
    dropped: int
    """The number of recorded segments too far from the policy to be drawn."""


def joint_batch(
    fresh: RolloutBuffer,
    recorded: RolloutBuffer,
    network: ActorCritic,
    config: TrainingConfig,
    *,
    deterministic: bool,
    seed: int,
    cycle: int,
    source: str = "replay",
) -> Batch:
    """Prepare experience that ``network`` has just collected, together with segments of another policy's recording.

    The segments make up at most 1 − ``fresh_share`` of the agent-steps.

    Args:
        fresh: the network's own experience.
        recorded: the other policy's experience.
        network: evaluated on every row of both.
        config: amounts and constants.
        deterministic: whether the other policy was deterministic, which is refused.
        seed, cycle: the only things that the draw of segments depends on, given the data.
        source: the file that errors name.

    Raises InputError as :func:`replay_batch` does.
    """
    new = rollout_batch(fresh, network, config)
    old = replay_batch(recorded, network, config, deterministic=deterministic, source=source)
    assert old.log_ratio is not None and old.old_log_probs is not None
    floor = config.replay.fresh_share
    segments = draw_segments(
        old.rows,
        old.log_ratio,
        recorded,
        config,
        most=int(len(new.rows) * (1.0 - floor) / floor + 1e-6),
        seed=seed,
        cycle=cycle,
    )
    batch = _joined(new, old, segments)
    clipped = np.concatenate([fresh.clipped.ravel(), recorded.clipped.ravel()])[batch.rows]
    batch.statistics.update(
        batch_statistics(batch.reward.numpy()[batch.rows], batch.advantage.numpy()[batch.rows], clipped)
    )
    return replace(batch, old_log_probs=torch.cat([evaluate(network, fresh)[0], old.old_log_probs]))


def _joined(new: Batch, old: Batch, segments: Segments) -> Batch:
    """Fresh rows, whose weight is 1, followed by the recorded rows of the segments."""
    assert old.log_ratio is not None and old.weight is not None
    offset = len(new.action)
    statistics = {
        "fresh_reward_mean": new.statistics["reward_mean"],
        "fresh_agent_steps": new.statistics["fresh_agent_steps"],
        "replayed_agent_steps": len(segments.rows),
        "replay_segments": segments.found,
        "replay_segments_dropped": segments.dropped,
    }
    if len(segments.rows):
        statistics |= importance_statistics(old.weight.numpy()[segments.rows], old.log_ratio[segments.rows])
    return Batch(
        method="vtrace",
        rows=np.concatenate([new.rows, segments.rows + offset]),
        observation=torch.cat([new.observation, old.observation]),
        mask=torch.cat([new.mask, old.mask]),
        action=torch.cat([new.action, old.action]),
        old_log_prob=torch.cat([new.old_log_prob, old.old_log_prob]),
        old_log_probs=None,
        old_value=torch.cat([new.old_value, old.old_value]),
        advantage=torch.cat([new.advantage, old.advantage]),
        value_target=torch.cat([new.value_target, old.value_target]),
        reward=torch.cat([new.reward, old.reward]),
        weight=torch.cat([torch.ones(offset), old.weight]),
        statistics=statistics,
        log_ratio=np.concatenate([np.zeros(offset, np.float32), old.log_ratio]),
        state=None if new.state is None or old.state is None else torch.cat([new.state, old.state]),
        sequences=(
            None if new.sequences is None or old.sequences is None else new.sequences.followed_by(old.sequences)
        ),
    )


def draw_segments(
    rows: NDArray[np.int64],
    log_ratio: Floats,
    buffer: RolloutBuffer,
    config: TrainingConfig,
    *,
    most: int,
    seed: int,
    cycle: int,
) -> Segments:
    """Draw whole segments at random, up to ``most`` agent-steps in all.

    A segment is the experience of one slot in ``segment_ticks`` ticks.

    Args:
        rows: int64 [S], the agent-steps to draw from.
        log_ratio: float32 [M], the log-ratio of every agent-step of the buffer.
        buffer: the recorded experience.
        config: holds the length of segments and their least effective share.
        most: the largest number of agent-steps.
        seed, cycle: the draw is a function of them and of the data alone.
    """
    tick, slot = np.divmod(rows, buffer.worlds * buffer.agents)
    segment = np.unique(
        tick // config.replay.segment_ticks * (buffer.worlds * buffer.agents) + slot, return_inverse=True
    )[1]
    share, length = segment_shares(segment, log_ratio[rows])
    good = np.flatnonzero(share >= config.replay.min_effective_share)
    generator = np.random.Generator(np.random.Philox(key=np.array([fold_seed(seed), _STREAM + cycle], np.uint64)))
    order = generator.permutation(good)
    # The first segment that does not fit ends the draw.
    drawn = order[np.cumsum(length[order]) <= most]
    return Segments(rows[np.isin(segment, drawn)], len(share), len(share) - len(good))


def segment_shares(segment: NDArray[np.intp], log_ratio: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Each segment's effective sample share, as in :func:`effective_sample_share`, and its number of agent-steps.

    ``segment``, int [S], numbers the segments from 0 without gaps; ``log_ratio``, float32 [S], is ln w.
    """
    length = np.bincount(segment)
    highest = np.full(len(length), -np.inf)
    np.maximum.at(highest, segment, log_ratio.astype(np.float64))
    weight = np.exp(log_ratio - highest[segment])
    total, squares = np.bincount(segment, weight), np.bincount(segment, np.square(weight))
    return np.minimum(1.0, total**2 / (length * squares)), length
