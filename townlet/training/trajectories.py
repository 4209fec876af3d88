"""Trajectories in a rollout buffer: rewards, values and ends, as the advantage estimators need them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet.behavior.evaluate import evaluate_values
from townlet.behavior.network import ActorCritic
from townlet.behavior.torch_rows import step_rows
from townlet.config.training import TrainingConfig
from townlet.rollout import RolloutBuffer
from townlet.training.advantages import Flags, Floats, VTrace, gae, through_commitments, vtrace


@dataclass(frozen=True)
class Trajectories:
    """The inputs that the advantage estimators share, each [T, W·A].

    Empty slots need no blanking: a slot becomes empty by a termination, beyond which nothing is read.
    """

    reward: Floats
    value: Floats
    next_value: Floats
    terminated: Flags
    cut: Flags
    decided: Flags | None = None
    """Whether the agent-step is a decision; None if all are, because the network does not commit itself."""

    @classmethod
    def of(
        cls, buffer: RolloutBuffer, value: Floats, network: ActorCritic, gamma: float, state: Floats | None = None
    ) -> Trajectories:
        """The trajectories of a buffer.

        Where the network commits itself, the value of an agent-step without a decision is, by definition, what is
        earned until the next decision, discounted by ``gamma`` per tick, and the value then.

        ``value``, float32 [T, W, A], are the estimates in the buffer; ``network`` adds those beyond the cuts. If it
        remembers, ``state``, float32 [T, W, A, H], are its hidden states before the choices. Raises ValueError if the
        buffer lacks the observation after a cut.
        """
        if buffer.cut_ticks[-1:] != [buffer.ticks - 1]:
            last = buffer.ticks - 1
            raise ValueError(f"cut_ticks: found {buffer.cut_ticks}, expected the last tick, {last}, at its end")
        unseen = set(np.flatnonzero(buffer.truncated.any(axis=(1, 2))).tolist()) - set(buffer.cut_ticks)
        if unseen:
            raise ValueError(f"cut_ticks: found {buffer.cut_ticks}, expected {sorted(unseen)} too: truncations")
        next_value = np.empty_like(value)
        next_value[:-1] = value[1:]
        cut = np.zeros(value.shape, np.bool_)
        for tick, observation in zip(buffer.cut_ticks, buffer.cut_observation, strict=True):
            # A copy, because torch aligns its own memory, and its kernels round by alignment.
            after = None if state is None else state_after(buffer, network, tick, state[tick])
            beyond = evaluate_values(network, torch.tensor(observation).view(-1, buffer.features), after)
            here = cut[tick]
            here[:] = True if tick == buffer.ticks - 1 else buffer.truncated[tick]
            np.copyto(next_value[tick], beyond.view(buffer.worlds, buffer.agents).numpy(), where=here)
        shape = (buffer.ticks, buffer.worlds * buffer.agents)
        found = cls(
            buffer.reward.reshape(shape),
            value.reshape(shape),
            next_value.reshape(shape),
            buffer.terminated.reshape(shape),
            cut.reshape(shape),
        )
        if network.config.commitment_ticks == 0:
            return found
        decided = decisions_of(buffer).reshape(shape)
        filled, following = through_commitments(*found.arrays(), decided, gamma)
        return replace(found, value=filled, next_value=following, decided=decided)

    def arrays(self) -> tuple[Floats, Floats, Floats, Flags, Flags]:
        """Reward, value, next value, terminated and cut, as the estimators take them."""
        return self.reward, self.value, self.next_value, self.terminated, self.cut

    def gae(self, config: TrainingConfig) -> Floats:
        """Generalised advantage estimates, float32 [T, W·A]."""
        return gae(*self.arrays(), config.ppo.gamma, self.lam(config))

    def vtrace(self, config: TrainingConfig, log_ratio: Floats) -> VTrace:
        """V-trace targets, advantages and weights for ``log_ratio``, float32 [T, W·A]; see :func:`vtrace`."""
        ppo, replay = config.ppo, config.replay
        lam = self.lam(config)
        if self.decided is not None:
            # c̄ bounds the weights of decisions; whatever it is, a step without one passes the whole trace on.
            lam = np.where(self.decided, lam, np.float32(1.0 / min(replay.c_bar, 1.0)))
        return vtrace(*self.arrays(), log_ratio, ppo.gamma, replay.rho_bar, replay.c_bar, lam)

    def decisions(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the agent-steps ``rows``, int64 [S], that are decisions."""
        return rows if self.decided is None else rows[self.decided.ravel()[rows]]

    def lam(self, config: TrainingConfig) -> float | Floats:
        """GAE's λ: it weights decisions, and is 1 in agent-steps without one, float32 [T, W·A]."""
        lam = config.ppo.gae_lambda
        return lam if self.decided is None else np.where(self.decided, np.float32(lam), np.float32(1.0))


def decisions_of(buffer: RolloutBuffer) -> Flags:
    """Whether each agent-step is a decision, bool [T, W, A]: whether the policy chose among more than one action."""
    decided: Flags = np.count_nonzero(buffer.mask, axis=-1) > 1
    return decided


def state_after(buffer: RolloutBuffer, network: ActorCritic, tick: int, state: Floats) -> Tensor:
    """Hidden states after a tick's choices, float32 [W·A, H], from those before them, float32 [W, A, H]."""
    observation = torch.from_numpy(buffer.observation[tick]).view(-1, buffer.features)
    before = torch.from_numpy(state).view(-1, network.state_units)
    found = step_rows(network, observation, torch.from_numpy(buffer.mask[tick]).view(-1, buffer.actions), before)
    chooses = torch.from_numpy(learnable_steps(buffer, network)[tick].reshape(-1, 1))
    return torch.where(chooses, found.state, before)


def learnable_steps(buffer: RolloutBuffer, network: ActorCritic) -> Flags:
    """The agent-steps that a network learns from, bool [T, W, A]: all lived ones, or the decisions of one that commits.

    At these its hidden state, if it has one, advances.
    """
    return buffer.alive if network.config.commitment_ticks == 0 else buffer.alive & decisions_of(buffer)


def learnable_rows(buffer: RolloutBuffer, network: ActorCritic, only: Flags | None = None) -> NDArray[np.int64]:
    """Those of :func:`learnable_steps` as rows, int64 [S]; with ``only``, bool [W, A], of these slots alone."""
    learnable = learnable_steps(buffer, network)
    return np.flatnonzero(learnable if only is None else learnable & only)
