"""Two toy problems with known solutions, recorded into rollout buffers, and a network that learns from them.

In the bandit the right action is the one that the observation names. In the corridor only the last of several
right steps is rewarded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from townlet.behavior.network import ActorCritic, sample
from townlet.config.training import NetworkConfig, PPOConfig, ReplayConfig, TrainingConfig
from townlet.rollout import RolloutBuffer
from townlet.training.adam import Adam
from townlet.training.batch import Batch
from townlet.training.update import run_epoch

CONTEXTS, ACTIONS = 4, 5  # action 4 is never legal
TICKS, WORLDS, AGENTS = 16, 8, 4

CONFIG = TrainingConfig(
    network=NetworkConfig(hidden=(32,)),
    ppo=PPOConfig(learning_rate=0.01, gamma=0.9, minibatch_size=128, entropy_coef=0.001),
    replay=ReplayConfig(held_out_share=0.0),
)


@dataclass
class Learner:
    """A network with its optimizer, as the harness keeps them."""

    network: ActorCritic
    optimizer: Adam
    config: TrainingConfig = CONFIG
    epoch: int = 0

    def learn(self, batch: Batch, epochs: int = 1, seed: int = 0) -> dict[str, float]:
        fields: dict[str, float] = {}
        for _ in range(epochs):
            self.epoch += 1
            fields = run_epoch(self.network, self.optimizer, batch, self.config, seed=seed, epoch=self.epoch)
        return fields

    def weights(self) -> bytes:
        return b"".join(weight.numpy().tobytes() for weight in self.network.state_dict().values())


def make_learner(seed: int = 0, config: TrainingConfig = CONFIG) -> Learner:
    network = ActorCritic(CONTEXTS, ACTIONS, config.network, seed=seed)
    rate = config.ppo.learning_rate
    return Learner(network, Adam(network.parameters(), lr=rate, eps=1e-5), config)


def replace_ppo(**changes: object) -> TrainingConfig:
    return CONFIG.model_copy(update={"ppo": PPOConfig.model_validate(CONFIG.ppo.model_dump() | changes)})


def act(learner: Learner, buffer: RolloutBuffer, tick: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Let the network fill in one tick's mask, action, log-probability and value."""
    buffer.mask[tick] = True
    buffer.mask[tick, ..., 4] = False
    slots = buffer.worlds * buffer.agents
    with torch.no_grad():
        log_probs, values = learner.network(
            torch.from_numpy(buffer.observation[tick]).view(slots, -1),
            torch.from_numpy(buffer.mask[tick]).view(slots, -1),
        )
        chosen = sample(log_probs, torch.from_numpy(rng.random(slots)))
        buffer.log_prob[tick].reshape(-1)[:] = log_probs.gather(1, chosen[:, None])[:, 0].numpy()
    buffer.value[tick].reshape(-1)[:] = values.numpy()
    buffer.action[tick].reshape(-1)[:] = chosen.numpy()
    return buffer.action[tick]


def play_bandit(learner: Learner, seed: int) -> RolloutBuffer:
    """A bandit with random contexts: reward 1 for the action with the context's number; every step is an episode."""
    rng = np.random.default_rng(seed)
    buffer = RolloutBuffer(TICKS, WORLDS, AGENTS, CONTEXTS, ACTIONS)
    context = rng.integers(CONTEXTS, size=(TICKS, WORLDS, AGENTS))
    buffer.observation[:] = np.eye(CONTEXTS, dtype=np.float32)[context]
    buffer.alive[:], buffer.terminated[:] = True, True
    for tick in range(TICKS):
        buffer.reward[tick] = act(learner, buffer, tick, rng) == context[tick]
    buffer.cut_ticks = [TICKS - 1]
    buffer.cut_observation = [buffer.observation[-1].copy()]
    return buffer


def play_corridor(learner: Learner, seed: int) -> RolloutBuffer:
    """A corridor of four places: action 1 advances, any other returns to the start; the end pays 1 and terminates."""
    rng = np.random.default_rng(seed)
    buffer = RolloutBuffer(TICKS, WORLDS, AGENTS, CONTEXTS, ACTIONS)
    buffer.alive[:] = True
    place = rng.integers(CONTEXTS, size=(WORLDS, AGENTS))
    for tick in range(TICKS):
        buffer.observation[tick] = np.eye(CONTEXTS, dtype=np.float32)[place]
        right = act(learner, buffer, tick, rng) == 1
        arrived = right & (place == CONTEXTS - 1)
        buffer.reward[tick], buffer.terminated[tick] = arrived, arrived
        place = np.where(right & ~arrived, place + 1, 0)
    buffer.cut_ticks = [TICKS - 1]
    buffer.cut_observation = [np.eye(CONTEXTS, dtype=np.float32)[place]]
    return buffer


def record_uniform_policy(seed: int = 0) -> RolloutBuffer:
    """A record of the bandit by a policy that chooses uniformly among the four legal actions."""
    buffer = play_bandit(make_learner(), seed)
    rng = np.random.default_rng([seed, 1])  # another stream than the contexts'
    buffer.action[:] = rng.integers(CONTEXTS, size=buffer.action.shape)
    buffer.log_prob[:] = np.log(0.25)
    buffer.value[:] = np.nan
    buffer.reward[:] = buffer.action == buffer.observation.argmax(-1)
    return buffer


def record_script(seed: int = 0) -> RolloutBuffer:
    """A record of the bandit by a script that always takes the action after the context's, right or wrong."""
    buffer = record_uniform_policy(seed)
    context = buffer.observation.argmax(-1)
    buffer.action[:] = (context + 1) % CONTEXTS
    buffer.log_prob[:] = 0.0
    buffer.reward[:] = context == 2
    return buffer
