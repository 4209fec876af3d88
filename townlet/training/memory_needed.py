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
# And for a network that commits itself: values and next values through commitments, λ, and what is a decision.
_PER_COMMITTED_STEP = 13
# And for a recurrent network: the place of each in its sequence.
_PER_REMEMBERED_STEP = 9


def learning_bytes(
    mode: str, config: TrainingConfig, rollout: tuple[int, int, int, int, int], capture: Capture | None
) -> int:
    """Bytes for a rollout's buffer, and for learning from it and from a capture that is in memory already.

    ``rollout`` is ticks, worlds, people, features and actions; for training over towns, worlds are those of all towns,
    and people the most in any. This is a lower bound: temporary memory of libraries is not included.
    """
    ticks, worlds, people, features, actions = rollout
    fresh = 0 if mode == "replay" else ticks * worlds * people
    recorded = 0 if capture is None else capture.buffer.alive.size
    # For recorded agent-steps, and those of an imitation, the log-probabilities of all actions are kept.
    cloned = max(recorded, fresh if config.imitation.rollouts else 0)
    per_step = _PER_STEP + (_PER_COMMITTED_STEP if config.network.commitment_ticks else 0)
    state_units = config.network.state_units
    if state_units:
        # The places in sequences; and the learner's own states along recorded experience.
        per_step += _PER_REMEMBERED_STEP
    needed = per_step * max(fresh, recorded) + 4 * (actions + state_units) * cloned
    if mode == "mixed" and config.replay.mixing == "joint":
        needed += (fresh + recorded) * (4 * features + actions + 4 * actions + 4 * state_units + _PER_STEP)
    if mode != "replay":
        needed += RolloutBuffer.bytes_for(*rollout, state_units)
    return needed
