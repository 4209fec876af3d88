"""What RLlib's PPO does with the town: masks, the values at the time limit, people who leave and arrive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ray.rllib.evaluation.postprocessing import Postprocessing

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from known_critic import GAMMA, OF_ZEROS, installed, report, values, weights
from train_rllib import BATCH, Town, build

SCENARIO = "queue_conflict"
EPISODES = 24


class Recorder(Town):
    """The town, which keeps what it returned: the truth that RLlib's data are compared with."""

    episodes: list[list[tuple[Any, ...]]] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Begin an episode."""
        results = super().reset(seed=seed, options=options)
        self.episodes.append([results])
        return results

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """One tick."""
        results = super().step(actions)
        self.episodes[-1].append(results)
        return results


def trained(algorithm: Any) -> dict[str, Any]:
    """Train for two iterations; say whether the parameters have moved and are finite."""
    module = algorithm.learner_group._learner.module["everybody"]
    before = torch.nn.utils.parameters_to_vector(module.parameters()).detach().clone()
    steps = 0
    for _ in range(2):
        steps = algorithm.train()["env_runners"]["num_module_steps_sampled_lifetime"]["everybody"]
    after = torch.nn.utils.parameters_to_vector(module.parameters()).detach()
    return {"steps": steps, "moved": float((after - before).norm()), "finite": bool(after.isfinite().all())}


def lives(algorithm: Any) -> list[dict[str, Any]]:
    """Every person's life in some episodes: RLlib's own data, the returns of its learner, and what the town did."""
    Recorder.episodes.clear()
    sampled = algorithm.env_runner_group.local_env_runner.sample(num_episodes=EPISODES, explore=True)
    learner = algorithm.learner_group._learner
    features = learner.module["everybody"].observation_space["observation"].shape[0]
    critic = torch.nn.Linear(features, 1)
    with torch.no_grad():
        critic.weight[0], critic.bias[:] = torch.from_numpy(weights(features)), OF_ZEROS
    learner.module["everybody"].value = critic
    found = [
        {
            "agent": agent,
            "truth": truth,
            "actions": np.array(life.get_actions()),
            "seen": life.to_numpy().get_observations(),
        }
        for episode, truth in zip(sampled, Recorder.episodes, strict=False)
        for agent in episode.agent_ids
        for life in [episode.agent_episodes[agent]]
    ]
    # The learner lengthens each life by one step, whose value is the bootstrap.
    batch = learner._learner_connector(rl_module=learner.module, batch={}, episodes=sampled, shared_data={})
    targets = batch["everybody"][Postprocessing.VALUE_TARGETS].numpy()
    at = 0
    for life in found:
        life["returns"] = targets[at : at + len(life["actions"])]
        at += len(life["actions"]) + 1
    assert at == len(targets), (at, len(targets))
    return found


def check() -> dict[str, Any]:
    """Train, sample, and compare RLlib's data with what the town returned."""
    algorithm = build(SCENARIO, seed=0, town=Recorder)
    training = trained(algorithm)
    found = lives(algorithm)
    algorithm.stop()
    illegal = sum(
        int(life["seen"]["action_mask"][tick, action] == 0)
        for life in found
        for tick, action in enumerate(life["actions"])
    )
    limits = []
    for life in found:
        agent, (observations, rewards, terminations, truncations, _) = life["agent"], life["truth"][-1]
        if truncations["__all__"] and agent in rewards and not terminations[agent]:
            expected = rewards[agent] + GAMMA * values(observations[agent]["observation"])
            limits.append((float(life["returns"][-1]), float(expected)))
    worst = max(limits, key=lambda pair: abs(pair[0] - pair[1]))
    return {
        "trains": training["finite"] and training["moved"] > 0 and training["steps"] >= 2 * BATCH,
        "training": training,
        "illegal": illegal,
        "choices": sum(len(life["actions"]) for life in found),
        "bootstrapped": {"found": worst[0], "expected": worst[1], "ends": len(limits)},
        "leaving": leaving(found),
    }


def leaving(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Whether a life's last return is its last reward alone, and a newcomer's life begins with what they saw first."""
    across, ends, own = 0.0, 0, 0
    newcomers = [life for life in found if not life["agent"].endswith("_0")]
    for life in found:
        agent = life["agent"]
        end = next((step for step in life["truth"][1:] if step[2].get(agent)), None)
        if end is not None:
            ends += 1
            across = max(across, abs(float(life["returns"][-1]) - end[1][agent]))
    for life in newcomers:
        first = next(step[0][life["agent"]] for step in life["truth"] if life["agent"] in step[0])
        own += bool(np.array_equal(life["seen"]["observation"][0], first["observation"]))
    # Every life that the town knows is among RLlib's, with as many steps.
    lost = sum(len(truth_lengths(truth)) for truth in {id(life["truth"]): life["truth"] for life in found}.values())
    lost -= sum(truth_lengths(life["truth"])[life["agent"]] == len(life["actions"]) for life in found)
    return {
        "right": bool(ends and newcomers and across < 1e-4 and own == len(newcomers) and not lost),
        "ends": ends,
        "largest_value_across_an_end": across,
        "newcomers": len(newcomers),
        "newcomers_with_their_own_first_observation": own,
        "lives_lost_or_shortened": lost,
    }


def truth_lengths(truth: list[tuple[Any, ...]]) -> dict[str, int]:
    """Steps of everybody in an episode who acted at least once: their observations but the first."""
    seen = [agent for step in truth for agent in step[0]]
    return {agent: seen.count(agent) - 1 for agent in set(seen) if seen.count(agent) > 1}


if __name__ == "__main__":
    torch.set_num_threads(1)
    report(
        "RLlib",
        versions=installed("ray", "gymnasium", "pettingzoo", "torch", "numpy"),
        package="ray",
        **check(),
        way="`examples/train_rllib.py`: `townlet.parallel_env` with people as agents, PPO of the new API stack",
        limits="needs the environment and the module of the recipe",
    )
