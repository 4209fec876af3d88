"""Training one policy of an arm: a warm start from the script, then rollouts with annealed step size and entropy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from townlet.behavior.network import ActorCritic
from townlet.rollout import RolloutBuffer, aligned_zeros
from townlet.simulation import SimulationLoop
from townlet.study.conflict.arms import Arm
from townlet.study.conflict.scripts import FirstComeBehavior, Slips
from townlet.study.conflict.settings import CLONING_SEED, Settings, training_config
from townlet.study.conflict.shaping import loop_of
from townlet.study.conflict.town import StudyTown, study_scenario
from townlet.training import TrainingHarness, losses

#: Share of ticks in which the script slips while it is recorded, so that clones learn how to recover.
SLIPS = 0.05
#: Share of the target that is uniform over legal actions while cloning. Whatever a script never does, a clone without
#: it never does either, and no training finds out what pushing in is good for.
SMOOTHING = 0.02

Weights = dict[str, torch.Tensor]


def train_arm(
    arm: Arm,
    town: StudyTown,
    seed: int,
    settings: Settings,
    start: Weights,
    advance: Callable[[int, dict[str, Any]], None] | None = None,
) -> Weights:
    """The weights that an arm learns in a town, from ``start``, by the settings' number of rollouts.

    Step size and entropy coefficient fall linearly to 0. ``advance`` is called after each rollout with the number of
    rollouts done and the last epoch's telemetry fields. Raises TrainingDiverged.
    """
    config = training_config(settings, seed)
    scenario = study_scenario(town, sees_conflict=arm.sees_conflict, penalty=arm.penalty, training=config)
    harness = TrainingHarness(scenario, seed=seed)
    harness.loop = loop_of(arm.shaping, scenario, worlds=config.worlds, seed=seed)
    harness.network.load_state_dict(start)
    for cycle in range(config.cycles):
        left = 1.0 - cycle / config.cycles
        rate = config.ppo.learning_rate * left
        ppo = config.ppo.model_copy(
            update={"learning_rate": rate, "entropy_coef": config.ppo.entropy_coef * left},
        )
        harness.config = config.model_copy(update={"ppo": ppo})
        harness.optimizer.lr = rate
        fields: list[dict[str, Any]] = []
        harness.run_rollout(None, fields.append)
        if advance:
            advance(cycle + 1, fields[-1])
    return {name: tensor.detach().clone() for name, tensor in harness.network.state_dict().items()}


def clone_script(town: StudyTown, sees_conflict: bool, seed: int, settings: Settings) -> Weights:
    """Weights that imitate first-come-first-served people and estimate their returns: the start of every training.

    The script slips now and then while it is recorded, and is imitated as it wanted to act (noise injection; Laskey
    et al. 2017, "DART"). It is recorded without conflict penalties, so that no arm begins with more than another.
    """
    config = training_config(settings, seed)
    scenario = study_scenario(town, sees_conflict=sees_conflict, penalty=0.0)
    loop = SimulationLoop(scenario, worlds=settings.cloning_worlds, seed=CLONING_SEED)
    buffer = loop.new_buffer(scenario.ticks)
    script = _Remembering(loop, buffer.ticks)
    loop.collect(buffer, script)
    torch.set_num_threads(1)
    network = ActorCritic(buffer.features, buffer.actions, config.network, seed=seed)
    _imitate(network, buffer, script.wanted, config.ppo.gamma, settings.cloning_epochs, seed)
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


class _Remembering:
    """The slipping script, with what it wanted to do in each tick."""

    name, deterministic = "first come, first served with slips", False

    def __init__(self, loop: SimulationLoop, ticks: int) -> None:
        self._script, self._slips = FirstComeBehavior(), Slips(SLIPS)
        self.wanted: NDArray[np.int32] = aligned_zeros((ticks, *loop.town.alive.shape), np.int32)

    def act(
        self, town: Any, action: NDArray[np.int32], log_prob: NDArray[np.float32], value: NDArray[np.float32]
    ) -> None:
        self._script.act(town, action, log_prob, value)
        self.wanted[town.tick] = action
        self._slips.slip(town, action)


def returns(buffer: RolloutBuffer, gamma: float) -> NDArray[np.float32]:
    """float32 [T, W, A]: discounted sums of rewards up to the end of the person's episode or of the buffer."""
    total = np.zeros_like(buffer.reward)
    beyond = np.zeros_like(buffer.reward[0])
    for tick in reversed(range(buffer.ticks)):
        beyond = buffer.reward[tick] + np.float32(gamma) * np.where(buffer.terminated[tick], 0.0, beyond)
        total[tick] = beyond
    return total


def _imitate(
    network: ActorCritic, buffer: RolloutBuffer, wanted: NDArray[np.int32], gamma: float, epochs: int, seed: int
) -> None:
    """Adam on cross-entropy with smoothed targets, plus the value loss where the return is known nearly whole."""
    observation = torch.from_numpy(buffer.observation).view(-1, buffer.features)
    mask = torch.from_numpy(buffer.mask).view(-1, buffer.actions)
    action = torch.from_numpy(wanted).view(-1, 1).long()
    target = torch.from_numpy(returns(buffer, gamma)).view(-1)
    horizon = round(3.0 / (1.0 - gamma))
    early = np.broadcast_to(np.arange(buffer.ticks)[:, None, None] < buffer.ticks - horizon, buffer.alive.shape)
    known = torch.from_numpy(early.reshape(-1).astype(np.float32))
    rows = np.flatnonzero(buffer.alive)
    order = np.random.default_rng(seed)
    parameters = list(network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=1e-3, eps=1e-5)
    parts = max(len(rows) // 2048, 1)
    for step in range(epochs * parts):
        if step % parts == 0:
            batches = np.array_split(order.permutation(rows), parts)
        batch = torch.from_numpy(batches[step % parts])
        log_probs, value = network(observation[batch], mask[batch])
        legal = mask[batch]
        anything = -(log_probs.masked_fill(~legal, 0.0).sum(dim=1) / legal.sum(dim=1)).mean()
        imitation = losses.cloning_loss(log_probs.gather(1, action[batch]).squeeze(1))
        estimation = ((value - target[batch]).square() * known[batch]).mean()
        loss = (1.0 - SMOOTHING) * imitation + SMOOTHING * anything + 0.5 * estimation
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 0.5)
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1.0 - step / (epochs * parts))
        optimizer.step()
