"""V-trace of recorded trajectories against equation 1 of its paper, summed naively in float64 from the weights up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.toy_problems import ACTIONS, AGENTS, CONFIG, CONTEXTS, TICKS, WORLDS, make_learner, play_corridor

from townlet.behavior.network import ActorCritic
from townlet.config.training import ReplayConfig
from townlet.rollout import RolloutBuffer
from townlet.training.batch import rollout_batch
from townlet.training.replay import replay_batch

Doubles = NDArray[np.float64]


def exact(network: ActorCritic, observation: NDArray[np.float32]) -> tuple[Doubles, Doubles]:
    """Log-probabilities [..., N] over the legal actions 0 to 3 and values [...], in float64, by matrix products."""
    weight = {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}
    hidden = np.tanh(observation.astype(np.float64) @ weight["trunk.0.weight"].T + weight["trunk.0.bias"])
    logits = (hidden @ weight["policy_head.weight"].T + weight["policy_head.bias"])[..., :4]
    value = (hidden @ weight["value_head.weight"].T + weight["value_head.bias"])[..., 0]
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True)), value


def recorded() -> RolloutBuffer:
    """A policy's record in the corridor: one slot is truncated, one is left, and one is left and filled again."""
    actor = make_learner(seed=5)
    for seed in range(4):
        actor.learn(rollout_batch(play_corridor(actor, seed), actor.network, CONFIG), epochs=4)
    buffer = play_corridor(actor, 7)
    buffer.truncated[6, 2] = True
    rng = np.random.default_rng(0)
    buffer.cut_ticks.insert(0, 6)
    buffer.cut_observation.insert(0, rng.normal(size=(WORLDS, AGENTS, CONTEXTS)).astype(np.float32))
    buffer.terminated[4, 0, 1], buffer.alive[5:, 0, 1] = True, False
    buffer.terminated[4, 3, 3], buffer.alive[5:9, 3, 3] = True, False
    for array in (buffer.observation, buffer.reward, buffer.log_prob, buffer.value):
        array[~buffer.alive] = np.nan
    return buffer


@pytest.mark.parametrize(("rho_bar", "c_bar"), [(1.0, 1.0), (2.0, 0.8)])
def test_replayed_trajectories_get_the_papers_targets_weights_and_policy_gradients(
    rho_bar: float, c_bar: float
) -> None:
    buffer, network, gamma, lam = recorded(), make_learner(seed=1).network, CONFIG.ppo.gamma, CONFIG.ppo.gae_lambda
    config = CONFIG.model_copy(update={"replay": ReplayConfig(rho_bar=rho_bar, c_bar=c_bar)})
    batch = replay_batch(buffer, network, config, deterministic=False)

    log_probs, values = exact(network, buffer.observation)
    beyond = {
        tick: exact(network, seen)[1] for tick, seen in zip(buffer.cut_ticks, buffer.cut_observation, strict=True)
    }
    reward = buffer.reward.astype(np.float64)
    checked = 0
    for world, agent in np.ndindex(WORLDS, AGENTS):
        at = (slice(None), world, agent)
        chosen = np.where(buffer.alive[at], buffer.action[at], 0)
        ratio = np.exp(log_probs[at][np.arange(TICKS), chosen] - buffer.log_prob[at])
        rho, c = np.minimum(rho_bar, ratio), lam * np.minimum(c_bar, ratio)
        cut = buffer.truncated[at] | (np.arange(TICKS) == TICKS - 1)
        ends = buffer.terminated[at] | cut
        after = np.zeros(TICKS)
        for t in range(TICKS):
            if not buffer.terminated[t, world, agent]:
                after[t] = beyond[t][world, agent] if cut[t] else values[t + 1, world, agent]
        delta = rho * (reward[at] + gamma * after - values[at])
        target = np.full(TICKS + 1, np.nan)
        for s in range(TICKS):
            last = s + int(np.argmax(ends[s:]))
            target[s] = values[s, world, agent] + sum(
                gamma ** (t - s) * np.prod(c[s:t]) * delta[t] for t in range(s, last + 1)
            )
        following = np.where(ends, after, target[1:])
        gradient = rho * (reward[at] + gamma * following - values[at])
        for t in np.flatnonzero(buffer.alive[at]):
            row = np.ravel_multi_index((t, world, agent), buffer.action.shape)
            assert batch.weight is not None
            assert float(batch.value_target[row]) == pytest.approx(target[t], abs=1e-5)
            assert float(batch.weight[row]) == pytest.approx(rho[t], rel=1e-5)
            assert float(batch.weight[row] * batch.advantage[row]) == pytest.approx(gradient[t], abs=1e-5)
            checked += 1
    assert checked == len(batch.rows) == buffer.agent_steps == TICKS * WORLDS * AGENTS - 11 - 4
    assert torch.isfinite(batch.value_target[torch.from_numpy(batch.rows)]).all()
    assert batch.weight is not None and ACTIONS == 5
    assert 0.3 < float(batch.weight[torch.from_numpy(batch.rows)].mean()) < 1.1
