"""The memory that a training needs, computed from its options before anything is allocated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townlet.config.training import TrainingConfig
from townlet.rollout import RolloutBuffer

if TYPE_CHECKING:
    from townlet.capture import Capture

# Bytes per agent-step besides observations, masks and log-probabilities: advantages, value targets, values, int64
# actions, the minibatch order, and the columns that the losses read.
_PER_STEP = 84


def learning_bytes(
    mode: str, config: TrainingConfig, rollout: tuple[int, int, int, int, int], capture: Capture | None
) -> int:
    """Bytes for a rollout's buffer, and for learning from it and from a capture that is in memory already.

    ``rollout`` is ticks, worlds, people, features and actions. This is a lower bound: temporary memory of libraries is
    not included.
    """
    ticks, worlds, people, features, actions = rollout
    fresh = 0 if mode == "replay" else ticks * worlds * people
    recorded = 0 if capture is None else capture.buffer.alive.size
    # For recorded agent-steps, the log-probabilities of all actions are kept.
    needed = _PER_STEP * max(fresh, recorded) + 4 * actions * recorded
    if mode == "mixed" and config.replay.mixing == "joint":
        needed += (fresh + recorded) * (4 * features + actions + 4 * actions + _PER_STEP)
    if mode != "replay":
        needed += RolloutBuffer.bytes_for(*rollout)
    return needed
