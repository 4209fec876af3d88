"""The warm start of every training: imitating the script, in the states that imitating it leads to."""

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
from townlet.study.conflict.scripts import FirstComeBehavior, Slips
from townlet.study.conflict.settings import CLONING_SEED, Settings, training_config
from townlet.study.conflict.town import StudyTown, study_scenario
from townlet.training import losses

#: How often, after the script itself, a clone acts and is told what the script would have done.
CORRECTIONS = 3
#: Share of ticks in which the script slips while it is recorded, so that clones learn how to recover.
SLIPS = 0.05
#: Share of the target that is uniform over legal actions while cloning. Whatever a script never does, a clone without
#: it never does either, and no training finds out what pushing in is good for.
SMOOTHING = 0.02
#: Least standard deviation by which a feature is divided: rarer ones would have weights that explode.
LEAST_SCALE = 0.02

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Lessons:
    """What was seen and what the script would have done: B agent-steps of people in town."""

    observation: torch.Tensor
    """float32 [B, F]."""
    mask: torch.Tensor
    """bool [B, N]."""
    wanted: torch.Tensor
    """int64 [B]: the script's actions."""
    target: torch.Tensor
    """float32 [B]: discounted returns."""
    known: torch.Tensor
    """float32 [B]: 1 where the recording goes on long enough for the return to be known nearly whole, else 0."""


def clone_script(sees_conflict: bool, seed: int, settings: Settings) -> Weights:
    """Weights that imitate first-come-first-served people and estimate returns: the start of every training.

    First the script acts and slips now and then (noise injection; Laskey et al. 2017, "DART"); then the clone acts, and
    is trained anew on all that was recorded (Ross, Gordon and Bagnell 2011, "DAgger"). What the script would have done
    is imitated throughout. It all happens in the town of the training and without conflict penalties, so that no arm
    begins with more than another.
    """
    config = training_config(settings, seed)
    scenario = study_scenario(StudyTown(), sees_conflict=sees_conflict, penalty=0.0)
    lessons: list[Lessons] = []
    clone: Behavior | None = None
    torch.set_num_threads(1)
    for recording in range(CORRECTIONS + 1):
        recording_seed = CLONING_SEED + 10 * seed + recording
        lessons.append(_record(scenario, settings.cloning_worlds, recording_seed, clone, config.ppo.gamma))
        epochs = settings.cloning_epochs * (2 if recording == CORRECTIONS else 1)
        network = _imitate(_together(lessons), config, epochs, seed)
        clone = NeuralBehavior(network)
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


class _Corrected:
    """A clone, or else the slipping script, with what the script wanted to do in each tick."""

    name, deterministic = "corrected by first come, first served", False

    def __init__(self, loop: SimulationLoop, ticks: int, clone: Behavior | None) -> None:
        self._script, self._slips, self._clone = FirstComeBehavior(), Slips(SLIPS), clone
        self.wanted: NDArray[np.int32] = aligned_zeros((ticks, *loop.town.alive.shape), np.int32)

    def act(
        self, town: Any, action: NDArray[np.int32], log_prob: NDArray[np.float32], value: NDArray[np.float32]
    ) -> None:
        self._script.act(town, action, log_prob, value)
        self.wanted[town.tick] = action
        if self._clone is None:
            self._slips.slip(town, action)
        else:
            self._clone.act(town, action, log_prob, value)


def _record(scenario: Scenario, worlds: int, seed: int, clone: Behavior | None, gamma: float) -> Lessons:
    loop = SimulationLoop(scenario, worlds=worlds, seed=seed)
    buffer = loop.new_buffer(scenario.ticks)
    corrected = _Corrected(loop, buffer.ticks, clone)
    loop.collect(buffer, corrected)
    horizon = round(3.0 / (1.0 - gamma))
    early = np.broadcast_to(np.arange(buffer.ticks)[:, None, None] < buffer.ticks - horizon, buffer.alive.shape)
    present = buffer.alive
    return Lessons(
        observation=torch.from_numpy(buffer.observation[present]),
        mask=torch.from_numpy(buffer.mask[present]),
        wanted=torch.from_numpy(corrected.wanted[present]).long(),
        target=torch.from_numpy(returns(buffer, gamma)[present]),
        known=torch.from_numpy(early[present].astype(np.float32)),
    )


def _together(lessons: list[Lessons]) -> Lessons:
    return Lessons(*(torch.cat(parts) for parts in zip(*(vars(each).values() for each in lessons), strict=True)))


def returns(buffer: RolloutBuffer, gamma: float) -> NDArray[np.float32]:
    """float32 [T, W, A]: discounted sums of rewards up to the end of the person's episode or of the buffer."""
    total = np.zeros_like(buffer.reward)
    beyond = np.zeros_like(buffer.reward[0])
    for tick in reversed(range(buffer.ticks)):
        beyond = buffer.reward[tick] + np.float32(gamma) * np.where(buffer.terminated[tick], 0.0, beyond)
        total[tick] = beyond
    return total


def _imitate(lessons: Lessons, config: TrainingConfig, epochs: int, seed: int) -> ActorCritic:
    """Adam on cross-entropy with smoothed targets, plus the value loss where the return is known.

    Inputs are standardised meanwhile, because what decides when to set out for work are hundredths of a day; the first
    layer takes that over in the end, so that the network sees observations as they are.
    """
    rows, features = lessons.observation.shape
    network = ActorCritic(features, lessons.mask.shape[1], config.network, seed=seed)
    centre = lessons.observation.mean(dim=0)
    scale = lessons.observation.std(dim=0).clamp_min(LEAST_SCALE)
    order = np.random.default_rng(seed)
    parameters = list(network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=1e-3, eps=1e-5)
    parts = max(rows // 2048, 1)
    for step in range(epochs * parts):
        if step % parts == 0:
            batches = np.array_split(order.permutation(rows), parts)
        batch = torch.from_numpy(batches[step % parts])
        legal = lessons.mask[batch]
        log_probs, value = network((lessons.observation[batch] - centre) / scale, legal)
        anything = -(log_probs.masked_fill(~legal, 0.0).sum(dim=1) / legal.sum(dim=1)).mean()
        imitation = losses.cloning_loss(log_probs.gather(1, lessons.wanted[batch].unsqueeze(1)).squeeze(1))
        estimation = ((value - lessons.target[batch]).square() * lessons.known[batch]).mean()
        loss = (1.0 - SMOOTHING) * imitation + SMOOTHING * anything + 0.5 * estimation
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 0.5)
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1.0 - step / (epochs * parts))
        optimizer.step()
    see_unstandardised(network, centre, scale)
    return network


@torch.no_grad()
def see_unstandardised(network: ActorCritic, centre: torch.Tensor, scale: torch.Tensor) -> None:
    """Change the first layer so that it does with observations what it did with standardised ones."""
    first = next(layer for layer in network.trunk if isinstance(layer, torch.nn.Linear))
    first.bias.sub_(first.weight @ (centre / scale))
    first.weight.div_(scale)
