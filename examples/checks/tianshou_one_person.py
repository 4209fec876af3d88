"""What Tianshou does with the town: one person by PPO, and why not everybody."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pettingzoo.utils.conversions import parallel_to_aec
from tianshou.env import PettingZooEnv
from torch.nn.utils import parameters_to_vector

import townlet
from townlet.envs import TownEnv

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import train_tianshou
from known_critic import GAMMA, OF_ZEROS, installed, report, values, weights

SCENARIO = "queue_conflict"
STEPS = 4096


class Recorder(TownEnv):
    """The view of one person, which keeps how episodes ended: the truth that Tianshou's data are compared with."""

    limits: list[tuple[float, float]] = []
    faints: list[float] = []

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One tick; at the time limit its reward and the value of the last observation are kept."""
        observation, reward, terminated, truncated, info = super().step(action)
        if truncated:
            self.limits.append((reward, float(values(observation["observation"]))))
        elif terminated:
            self.faints.append(reward)
        return observation, reward, terminated, truncated, info


class KnownValue(torch.nn.Module):
    """A critic whose values are known."""

    def forward(self, obs: Any, **_: Any) -> torch.Tensor:
        """Values float32 [B, 1]."""
        seen = train_tianshou.features_of(obs)
        return (seen @ torch.from_numpy(weights(seen.shape[1])) + OF_ZEROS)[:, None]


def check() -> dict[str, Any]:
    """Train, collect more with a known critic, and compare Tianshou's returns with what the town returned."""
    trained, _, _ = train_tianshou.train(SCENARIO, STEPS, seed=0)
    algorithm, collector = train_tianshou.make(SCENARIO, seed=0, town=Recorder)
    before, after = (parameters_to_vector(kind.policy.parameters()).detach() for kind in (algorithm, trained))
    algorithm.critic = KnownValue()
    collector.reset()
    Recorder.limits.clear()
    Recorder.faints.clear()
    collector.collect(n_step=STEPS)
    batch, indices = collector.buffer.sample(0)
    action = np.asarray(batch.act)
    legal = np.asarray(batch.obs.action_mask)[np.arange(len(action)), action]
    batch = algorithm._preprocess_batch(batch, collector.buffer, indices)
    returns, rewards = batch.returns.numpy(), np.asarray(batch.rew)
    limits, faints = np.asarray(batch.truncated), np.asarray(batch.terminated)
    # Both in the order of their returns, since Tianshou sorts by town and the recorder by time.
    found = np.sort(returns[limits])
    expected = np.sort([reward + GAMMA * value for reward, value in Recorder.limits])
    assert len(found) == len(expected) and faints.sum() == len(Recorder.faints)
    worst = int(np.abs(found - expected).argmax())
    return {
        "trains": bool(after.isfinite().all() and (after - before).norm() > 0),
        "illegal": int((legal == 0).sum()),
        "choices": len(action),
        "bootstrapped": {"found": float(found[worst]), "expected": float(expected[worst]), "ends": len(found)},
        "leaving": {
            **everybody(),
            "ends": int(faints.sum()),
            "largest_value_across_an_end": float(np.abs(returns - rewards)[faints].max(initial=0)),
        },
    }


def everybody() -> dict[str, Any]:
    """The reason against Tianshou's wrapper of PettingZoo: when its episode ends, and who gets rewards."""
    parallel = townlet.parallel_env(SCENARIO, action_mask="observation")
    town = PettingZooEnv(parallel_to_aec(parallel))
    generator = np.random.default_rng(0)
    observation, _ = town.reset(seed=0)
    over, credited = False, dict.fromkeys(town.env.agents, 0)
    while not over:
        agent = observation["agent_id"]
        action = generator.choice(np.flatnonzero(observation["mask"]))
        observation, rewards, terminated, truncated, _ = town.step(action)
        credited[agent] += rewards[town.agent_idx[agent]] != 0
        over = terminated or truncated
    return {
        "right": False,
        "episode_of_everybody_over_at_tick": parallel.town.tick,
        "of_ticks": parallel.limit,
        "people_still_in_town": len(parallel.agents),
        "rewards_credited": {agent: int(count) for agent, count in credited.items()},
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    report(
        "Tianshou PPO",
        versions=installed("tianshou", "gymnasium", "pettingzoo", "torch", "numpy"),
        package="tianshou",
        stated=["trains", "masks", "truncation"],
        **check(),
        way="`examples/train_tianshou.py`: one person, the others by the heuristic",
        limits="not everybody: see below",
    )
