"""Fresh and recorded experience in one batch, by the decoupled objective.

Every agent-step is clipped around the network as it was when the cycle began, the proximal policy, and weighted by
how much likelier that one finds the recorded action than the policy that acted (Hilton et al. 2022, eq. 5); on fresh
experience both are the same policy and the weight is 1. Values of recorded experience are learnt from V-trace targets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from townlet.behavior.network import ActorCritic
from townlet.config.training import TrainingConfig
from townlet.rollout import RolloutBuffer
from townlet.seeds import fold_seed
from townlet.training.advantages import Floats
from townlet.training.batch import Batch, evaluate, replay_batch, rollout_batch
from townlet.training.importance import correlation, importance_statistics

# Stream of the draw of segments: another one than that of the minibatch order, which is keyed by the epoch.
_STREAM = 1 << 63


@dataclass(frozen=True)
class Segments:
    """Recorded agent-steps drawn for one cycle."""

    rows: NDArray[np.int64]
    """[S]: the agent-steps of the segments drawn, in order."""
    found: int
    """Segments that were recorded."""
    dropped: int
    """Those of them that were too far from the policy to be drawn."""


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
    """One batch of what ``network`` has just collected and of segments of another policy's record.

    The segments are a pure function of ``seed`` and ``cycle``, and make up at most 1 − ``fresh_share`` of the
    agent-steps. Raises InputError as :func:`replay_batch` does, with ``source`` as the file of what was recorded.
    """
    new = rollout_batch(fresh, network, config)
    old = replay_batch(recorded, network, config, deterministic=deterministic, source=source)
    assert old.log_ratio is not None and old.weight is not None and old.old_log_probs is not None
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
    offset = len(new.action)
    rows = np.concatenate([new.rows, segments.rows + offset])
    reward, advantage = torch.cat([new.reward, old.reward]), torch.cat([new.advantage, old.advantage])
    gained, got = advantage.numpy()[rows], reward.numpy()[rows]
    clipped = np.concatenate([fresh.clipped.ravel(), recorded.clipped.ravel()])[rows]
    statistics = {
        "adv_mean": float(gained.mean(dtype=np.float64)),
        "adv_std": float(gained.std(dtype=np.float64)),
        "reward_mean": float(got.mean(dtype=np.float64)),
        "reward_clipped_share": float(clipped.mean()),
        "reward_advantage_corr": correlation(got, gained),
        "fresh_reward_mean": new.statistics["reward_mean"],
        "fresh_agent_steps": len(new.rows),
        "replayed_agent_steps": len(segments.rows),
        "replay_segments": segments.found,
        "replay_segments_dropped": segments.dropped,
    }
    if len(segments.rows):
        statistics |= importance_statistics(old.weight.numpy()[segments.rows], old.log_ratio[segments.rows])
    return Batch(
        method="vtrace",
        rows=rows,
        observation=torch.cat([new.observation, old.observation]),
        mask=torch.cat([new.mask, old.mask]),
        action=torch.cat([new.action, old.action]),
        old_log_prob=torch.cat([new.old_log_prob, old.old_log_prob]),
        old_log_probs=torch.cat([evaluate(network, fresh)[0], old.old_log_probs]),
        old_value=torch.cat([new.old_value, old.old_value]),
        advantage=advantage,
        target=torch.cat([new.target, old.target]),
        reward=reward,
        weight=torch.cat([torch.ones(offset), old.weight]),
        statistics=statistics,
        log_ratio=np.concatenate([np.zeros(offset, np.float32), old.log_ratio]),
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
    """Draw whole segments at random, of at most ``most`` agent-steps together.

    A segment is what one slot lived through in ``segment_ticks`` ticks. ``rows``, int64 [S], are the agent-steps in
    question and ``log_ratio``, float32 [M], that of every agent-step.
    """
    tick, slot = np.divmod(rows, buffer.worlds * buffer.agents)
    segment = np.unique(
        tick // config.replay.segment_ticks * (buffer.worlds * buffer.agents) + slot, return_inverse=True
    )[1]
    share, length = segment_shares(segment, log_ratio[rows])
    good = np.flatnonzero(share >= config.replay.min_effective_share)
    generator = np.random.Generator(np.random.Philox(key=np.array([fold_seed(seed), _STREAM + cycle], np.uint64)))
    order = generator.permutation(good)
    # Those that fit, in the order drawn; the first that does not ends the draw.
    drawn = order[np.cumsum(length[order]) <= most]
    return Segments(rows[np.isin(segment, drawn)], len(share), len(share) - len(good))


def segment_shares(segment: NDArray[np.intp], log_ratio: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Effective sample share, (Σw)² / (n Σw²) as in :func:`effective_sample_share`, and number n of agent-steps of each
    segment.

    ``segment``, int [S], numbers the segments from 0 without gaps; ``log_ratio``, float32 [S], is ln w.
    """
    length = np.bincount(segment)
    highest = np.full(len(length), -np.inf)
    np.maximum.at(highest, segment, log_ratio.astype(np.float64))
    weight = np.exp(log_ratio - highest[segment])
    total, squares = np.bincount(segment, weight), np.bincount(segment, np.square(weight))
    return np.minimum(1.0, total**2 / (length * squares)), length
