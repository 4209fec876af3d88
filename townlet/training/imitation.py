"""Imitation of the heuristic at the start of a training, in the states that the network itself gets into."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import NarrowingBehavior
from townlet.behavior.heuristic import HeuristicBehavior
from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.config.training import TrainingConfig
from townlet.rollout import RolloutBuffer
from townlet.training.batch import Batch
from townlet.training.replay import replay_batch
from townlet.training.trajectories import decisions_of
from townlet.world import Town


class LabelledBehavior(NarrowingBehavior):
    """A network's behaviour that notes, for each decision, what the heuristic would choose.

    The note takes the place of the log-probability, which cloning does not need. With ``demonstrate``, people also do
    what the heuristic chooses, within the network's commitments.
    """

    name = "labelled"
    deterministic = False
    concurrent = True

    def __init__(self, network: NeuralBehavior, *, demonstrate: bool) -> None:
        self.network, self.demonstrate = network, demonstrate
        self._script = HeuristicBehavior()
        self.state_units = network.state_units

    def recall(self, town: Town, state: NDArray[np.float32]) -> None:
        """Fill ``state``, float32 [W, A, H], with the network's hidden states before the coming choice."""
        self.network.recall(town, state)

    def act_within(
        self,
        town: Town,
        mask: NDArray[np.bool_],
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody and fill ``mask``; see :meth:`NeuralBehavior.act_within`."""
        self.network.act_within(town, mask, action, log_prob, value)
        label = np.empty_like(action)
        self._script.choose(town, label)
        within = np.take_along_axis(mask, label[..., None], axis=-1)[..., 0]
        np.copyto(label, action, where=~within)
        log_prob[:] = label
        if self.demonstrate:
            action[:] = label


def imitation_batch(buffer: RolloutBuffer, network: ActorCritic, config: TrainingConfig) -> Batch:
    """A batch for cloning the heuristic's choices in a rollout of :class:`LabelledBehavior`; it changes the buffer."""
    np.copyto(buffer.action, buffer.log_prob, where=decisions_of(buffer), casting="unsafe")
    buffer.log_prob[:] = 0.0
    replay = config.replay.model_copy(update={"method": "cloning", "mixing": "alternate"})
    batch = replay_batch(
        buffer, network, config.model_copy(update={"replay": replay}), deterministic=True, source="rollout"
    )
    batch.statistics["scripted_agent_steps"] = batch.statistics.pop("replayed_agent_steps")
    return batch
