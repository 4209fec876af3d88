"""The neural behaviour: one batched inference per tick for everybody in all worlds."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from townlet.behavior.base import NarrowingBehavior
from townlet.behavior.compiled.kernel import TORCH, kernel_for
from townlet.behavior.decisions import narrow_to_decisions, take_only
from townlet.behavior.manual_grad import ForwardPass
from townlet.behavior.memory import SlotMemory
from townlet.behavior.network import ILLEGAL_LOGIT, ActorCritic, sample
from townlet.behavior.torch_rows import step_rows

if TYPE_CHECKING:
    from townlet.behavior.compiled.inference import Inference
    from townlet.world import Town

Scalar = TypeVar("Scalar", bound=np.generic)

_NO_DRAWS = np.empty(0, np.float64)


class NeuralBehavior(NarrowingBehavior):
    """Acts by an :class:`ActorCritic`: samples its actions, or takes the most probable ones if ``greedy``.

    A network that commits itself (``commitment_ticks``) is asked in ticks of a decision alone. In all others people go
    on with what they do, which has log-probability 0, and no value is estimated.

    A recurrent network remembers: see :mod:`townlet.behavior.memory`.

    Samples are drawn from the policy stream. A greedy policy is deterministic and records 0 as the log-probability of
    its actions. Several threads may call it at once, each for its own worlds.
    """

    name = "neural"
    concurrent = True

    def __init__(self, network: ActorCritic, *, greedy: bool = False) -> None:
        self.network = network
        self.deterministic = greedy
        self.state_units, self.memory = network.state_units, SlotMemory(network.state_units)
        self._memory = threading.local()
        self._inference: Inference | None = None
        if kernel_for(network.device, network.config) is not TORCH:
            from townlet.behavior.compiled.inference import Inference

            self._inference = Inference.of(network)

    def act_within(
        self,
        town: Town,
        mask: NDArray[np.bool_],
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody as in :meth:`act`, and fill ``mask``, bool [W, A, N], with what they chose among.

        Without a commitment these are the town's legal actions.
        """
        draws = _NO_DRAWS if self.deterministic else town.policy_draws().reshape(-1)
        rows = self._narrow(town, mask)
        if not self.network.config.is_plain:
            self._act_by_steps(town, mask, draws, rows, action, log_prob, value)
            return
        if self._inference is None:
            self._act_by_torch(town, mask, draws, action, log_prob, value)
            if rows is not None:
                forced = np.ones(action.size, np.bool_)
                forced[rows] = False
                _flat(log_prob)[forced], _flat(value)[forced] = 0.0, math.nan
            return
        observation = town.observation.reshape(-1, self.network.features)
        flat = mask.reshape(-1, self.network.actions)
        if rows is not None:
            take_only(flat, _flat(action))
            log_prob[:] = 0.0
            value[:] = math.nan
        self._inference.choose(observation, flat, draws, _flat(action), _flat(log_prob), _flat(value), rows)

    def recall(self, town: Town, state: NDArray[np.float32]) -> None:
        """Fill ``state``, float32 [W, A, H], with everybody's hidden state before the coming choice."""
        state[:] = self.memory.before(town)

    def _narrow(self, town: Town, mask: NDArray[np.bool_]) -> NDArray[np.int64] | None:
        """Fill ``mask``, and return the slots that decide; None for all."""
        commitment = self.network.config.commitment_ticks
        if commitment == 0:
            mask[:] = town.mask
            return None
        if not hasattr(town, "state"):
            found = f"{commitment} in {type(town).__name__}"
            raise ValueError(
                f"commitment_ticks: found {found}, expected 0: only people of a town can commit themselves"
            )
        own: NDArray[np.int64] | None = getattr(self._memory, "decisions", None)
        if own is None or len(own) < town.alive.size:
            own = self._memory.decisions = np.empty(town.alive.size, np.int64)
        return narrow_to_decisions(town, commitment, mask, own)

    def _act_by_steps(
        self,
        town: Town,
        mask: NDArray[np.bool_],
        draws: NDArray[np.float64],
        rows: NDArray[np.int64] | None,
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose in the slots ``rows``, or in all, by a network with layer norm or a memory, which advances there."""
        legal = _flat_rows(mask)
        if rows is not None:
            take_only(legal, _flat(action))
            log_prob[:], value[:] = 0.0, math.nan
        at = np.arange(len(legal)) if rows is None else rows
        states = _flat_rows(self.memory.before(town))
        inputs = (torch.from_numpy(array[at]) for array in (_flat_rows(town.observation), legal, states))
        found = step_rows(self.network, *inputs)
        if self.deterministic:
            chosen, chances = found.log_probs.argmax(dim=-1), torch.zeros(len(at))
        else:
            chosen = sample(found.log_probs, torch.from_numpy(draws[at]))
            chances = found.log_probs.gather(1, chosen.unsqueeze(1)).squeeze(1)
        _flat(action)[at], _flat(log_prob)[at] = chosen.numpy(), chances.numpy()
        _flat(value)[at] = found.value.numpy()
        # Without a commitment, empty slots are computed too; nobody there remembers.
        advancing = town.alive.reshape(-1)[at]
        states[at[advancing]] = found.state.numpy()[advancing]

    def _act_by_torch(
        self,
        town: Town,
        legal: NDArray[np.bool_],
        draws: NDArray[np.float64],
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        # `view` refuses what `flatten` would silently copy.
        device = self.network.device
        observation = torch.from_numpy(town.observation).view(-1, self.network.features).to(device)
        mask = torch.from_numpy(legal).view(-1, self.network.actions).to(device)
        logits, values = self._forward_pass(len(observation)).forward(observation)
        logits.masked_fill_(mask.logical_not(), ILLEGAL_LOGIT)
        actions, chances = torch.from_numpy(action).view(-1), torch.from_numpy(log_prob).view(-1)
        if self.deterministic:
            actions.copy_(logits.argmax(dim=-1))
            chances.fill_(0.0)
        else:
            log_probs = torch.log_softmax(logits, dim=-1).cpu()
            chosen = sample(log_probs, torch.from_numpy(draws))
            actions.copy_(chosen)
            torch.gather(log_probs, 1, chosen.unsqueeze(1), out=chances.unsqueeze(1))
        torch.from_numpy(value).view(-1).copy_(values)

    def _forward_pass(self, rows: int) -> ForwardPass:
        """This thread's forward pass, large enough for ``rows`` people."""
        own: ForwardPass | None = getattr(self._memory, "forward_pass", None)
        if own is None or own.rows < rows:
            own = self._memory.forward_pass = ForwardPass(self.network, rows)
        return own


def _flat_rows(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """A view [W · A, …] of an array [W, A, …]; see :func:`_flat`."""
    view = array.view()
    view.shape = (math.prod(array.shape[:-1]), array.shape[-1])
    return view


def _flat(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """A view of one dimension. Assigning a shape refuses what `reshape` would silently copy."""
    view = array.view()
    view.shape = (array.size,)
    return view
