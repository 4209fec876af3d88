"""Memory that a training will take, by its options: known before anything is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townlet.config.training import TrainingConfig
from townlet.rollout import RolloutBuffer

if TYPE_CHECKING:
    from townlet.capture import Capture

# Bytes per agent-step besides observations, masks and log-probabilities: advantages, targets, values, actions as torch
# has them, and the order in which they are learnt.
_PER_STEP = 64


def learning_bytes(
    mode: str, config: TrainingConfig, rollout: tuple[int, int, int, int, int], capture: Capture | None
) -> int:
    """Bytes for a rollout's buffer and for learning from it and from a capture, which is in memory already.

    ``rollout`` is ticks, worlds, people, features and actions. A lower bound: what libraries take on the way is not
    in it.
    """
    ticks, worlds, people, features, actions = rollout
    fresh = 0 if mode == "replay" else ticks * worlds * people
    recorded = 0 if capture is None else capture.buffer.alive.size
    # Of recorded steps the log-probabilities of all actions are kept.
    needed = _PER_STEP * max(fresh, recorded) + 4 * actions * recorded
    if mode == "mixed" and config.replay.mixing == "joint":
        needed += (fresh + recorded) * (4 * features + actions + 4 * actions + _PER_STEP)
    if mode != "replay":
        needed += RolloutBuffer.bytes_for(*rollout)
    rows = min(config.ppo.minibatch_size, fresh + recorded)
    return needed + 4 * rows * (features + 2 * actions + 2 * sum(config.network.hidden))
