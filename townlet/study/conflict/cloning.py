"""Warm starts: networks that imitate the script, also in states that the script itself never reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from townlet.behavior import Behavior
from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.config import Scenario
from townlet.config.training import TrainingConfig
from townlet.rollout import RolloutBuffer, aligned_zeros
from townlet.simulation import SimulationLoop
from townlet.study.conflict.settings import CLONING_SEED, Settings, training_config
from townlet.study.conflict.town import StudyTown, study_scenario
from townlet.study.scripted_behaviors import ActionNoise, FirstComeBehavior
from townlet.training import losses

#: Rounds in which, after the script itself, a clone acts and the script labels each state with its own action.
DAGGER_ROUNDS = 3
#: Share of the script's actions replaced by random ones while it is recorded, so that clones learn how to recover.
ACTION_NOISE = 0.05
#: Share of the target that is uniform over legal actions while cloning. Without it, a clone never does what the script
#: never does, such as pushing in, and no training could learn whether that pays.
SMOOTHING = 0.02
#: Least standard deviation by which a feature is divided; with less, the weights of rare features would explode.
LEAST_SCALE = 0.02

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Demonstrations:
    """Observations and the actions that the script chose in them: B agent-steps of people in town."""

    observation: torch.Tensor
    """float32 [B, F]."""
    mask: torch.Tensor
    """bool [B, N]."""
    expert_action: torch.Tensor
    """int64 [B]: the script's actions."""
    value_target: torch.Tensor
    """float32 [B]: discounted returns."""
    return_known: torch.Tensor
    """float32 [B]: 1 where the rest of the recording is long enough to know nearly all of the return, else 0."""


def clone_script(sees_conflict: bool, seed: int, settings: Settings) -> Weights:
    """Weights that imitate first-come-first-served people and estimate returns: the start of every training.

    First the script acts, with some random actions (noise injection; Laskey et al. 2017, "DART"). Then the clone acts
    and is trained again on everything recorded so far (Ross, Gordon and Bagnell 2011, "DAgger"). The target is always
    the action that the script chooses. All of this happens in the default town and without conflict penalties, so that
    no arm has a head start.
    """
    config = training_config(settings, seed)
    scenario = study_scenario(StudyTown(), sees_conflict=sees_conflict, penalty=0.0)
    demonstrations: list[Demonstrations] = []
    clone: Behavior | None = None
    for recording in range(DAGGER_ROUNDS + 1):
        recording_seed = CLONING_SEED + 10 * seed + recording
        demonstrations.append(_record(scenario, settings.cloning_worlds, recording_seed, clone, config.ppo.gamma))
        epochs = settings.cloning_epochs * (2 if recording == DAGGER_ROUNDS else 1)
        network = _imitate(_concatenated(demonstrations), config, epochs, seed)
        clone = NeuralBehavior(network)
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


class _LabelledBehavior:
    """A clone, or the script with noise if there is none yet; keeps the script's own action of each tick."""

    name, deterministic = "labelled by first come, first served", False

    def __init__(self, loop: SimulationLoop, ticks: int, clone: Behavior | None) -> None:
        self._script, self._noise, self._clone = FirstComeBehavior(), ActionNoise(ACTION_NOISE), clone
        self.expert_action: NDArray[np.int32] = aligned_zeros((ticks, *loop.town.alive.shape), np.int32)

    def act(
        self, town: Any, action: NDArray[np.int32], log_prob: NDArray[np.float32], value: NDArray[np.float32]
    ) -> None:
        self._script.act(town, action, log_prob, value)
        self.expert_action[town.tick] = action
        if self._clone is None:
            self._noise.apply(town, action)
        else:
            self._clone.act(town, action, log_prob, value)


def _record(scenario: Scenario, worlds: int, seed: int, clone: Behavior | None, gamma: float) -> Demonstrations:
    loop = SimulationLoop(scenario, worlds=worlds, seed=seed)
    buffer = loop.new_buffer(scenario.ticks)
    labelled = _LabelledBehavior(loop, buffer.ticks, clone)
    loop.collect(buffer, labelled)
    horizon = round(3.0 / (1.0 - gamma))
    early = np.broadcast_to(np.arange(buffer.ticks)[:, None, None] < buffer.ticks - horizon, buffer.alive.shape)
    present = buffer.alive
    return Demonstrations(
        observation=torch.from_numpy(buffer.observation[present]),
        mask=torch.from_numpy(buffer.mask[present]),
        expert_action=torch.from_numpy(labelled.expert_action[present]).long(),
        value_target=torch.from_numpy(returns(buffer, gamma)[present]),
        return_known=torch.from_numpy(early[present].astype(np.float32)),
    )


def _concatenated(each: list[Demonstrations]) -> Demonstrations:
    return Demonstrations(*(torch.cat(parts) for parts in zip(*(vars(one).values() for one in each), strict=True)))


def returns(buffer: RolloutBuffer, gamma: float) -> NDArray[np.float32]:
    """float32 [T, W, A]: discounted sums of rewards up to the end of the person's episode or of the buffer."""
    total = np.zeros_like(buffer.reward)
    beyond = np.zeros_like(buffer.reward[0])
    for tick in reversed(range(buffer.ticks)):
        beyond = buffer.reward[tick] + np.float32(gamma) * np.where(buffer.terminated[tick], 0.0, beyond)
        total[tick] = beyond
    return total


def _imitate(demonstrations: Demonstrations, config: TrainingConfig, epochs: int, seed: int) -> ActorCritic:
    """Train a network by Adam on cross-entropy with smoothed targets, plus the value loss where the return is known.

    Inputs are standardised while cloning, because hundredths of a day decide when to set out for work. In the end the
    standardisation is folded into the first layer, so that the network takes observations as they are.
    """
    rows, features = demonstrations.observation.shape
    network = ActorCritic(features, demonstrations.mask.shape[1], config.network, seed=seed)
    centre = demonstrations.observation.mean(dim=0)
    scale = demonstrations.observation.std(dim=0).clamp_min(LEAST_SCALE)
    order = np.random.default_rng(seed)
    parameters = list(network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=1e-3, eps=1e-5)
    parts = max(rows // 2048, 1)
    for step in range(epochs * parts):
        if step % parts == 0:
            batches = np.array_split(order.permutation(rows), parts)
        batch = torch.from_numpy(batches[step % parts])
        legal = demonstrations.mask[batch]
        log_probs, value = network((demonstrations.observation[batch] - centre) / scale, legal)
        uniform = -(log_probs.masked_fill(~legal, 0.0).sum(dim=1) / legal.sum(dim=1)).mean()
        imitation = losses.cloning_loss(
            log_probs.gather(1, demonstrations.expert_action[batch].unsqueeze(1)).squeeze(1)
        )
        estimation = ((value - demonstrations.value_target[batch]).square() * demonstrations.return_known[batch]).mean()
        loss = (1.0 - SMOOTHING) * imitation + SMOOTHING * uniform + 0.5 * estimation
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 0.5)
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1.0 - step / (epochs * parts))
        optimizer.step()
    fold_standardisation(network, centre, scale)
    return network


@torch.no_grad()
def fold_standardisation(network: ActorCritic, centre: torch.Tensor, scale: torch.Tensor) -> None:
    """Change the first layer so that it gives for observations what it gave for standardised ones."""
    first = next(layer for layer in network.trunk.modules() if isinstance(layer, torch.nn.Linear))
    first.bias.sub_(first.weight @ (centre / scale))
    first.weight.div_(scale)
