"""The behavior of a neural policy: one batched inference call per tick for everybody in all worlds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from townlet.behavior.network import ActorCritic, sample

if TYPE_CHECKING:
    from townlet.world import Town


class NeuralBehavior:
    """Acts by an :class:`ActorCritic`: sampled from the policy stream, or ``greedy``: its most probable
    action.

    A greedy policy is deterministic, and records 0 as the log-probability of its actions.
    """

    name = "neural"

    def __init__(self, network: ActorCritic, *, greedy: bool = False) -> None:
        self.network = network
        self.deterministic = greedy

    def act(
        self, town: Town, action: NDArray[np.int32], log_prob: NDArray[np.float32], value: NDArray[np.float32]
    ) -> None:
        """Fill ``action`` int32, ``log_prob`` float32 (nats) and ``value`` float32, each contiguous [W,
        A]."""
        with torch.inference_mode():
            # `view` refuses what `flatten` would silently copy.
            observation = torch.from_numpy(town.observation).view(-1, self.network.features)
            mask = torch.from_numpy(town.mask).view(-1, self.network.actions)
            log_probs, values = self.network(observation, mask)
            if self.deterministic:
                chosen = log_probs.argmax(dim=-1)
                log_prob.fill(0.0)
            else:
                chosen = sample(log_probs, torch.from_numpy(town.policy_draws()).view(-1))
                picked = log_probs.gather(1, chosen.unsqueeze(1)).squeeze(1)
                torch.from_numpy(log_prob).view(-1).copy_(picked)
            torch.from_numpy(action).view(-1).copy_(chosen)
            torch.from_numpy(value).view(-1).copy_(values)
