"""What Stable-Baselines3's PPO does with the town: masks, the value at the time limit, people who leave and arrive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import train_sb3
from batch_truth import compare, simulate
from known_critic import OF_ZEROS, installed, report, weights
from sb3_town import TownVecEnv

SCENARIO = "queue_conflict"
WORLDS, TICKS, SEED = 8, 160, 3


def check(make: Any) -> dict[str, Any]:
    """Train with ``make(environment, rollout)``, collect one more rollout with a known critic, and compare it."""
    model = make(TownVecEnv(SCENARIO, worlds=WORLDS), TICKS)
    before = torch.nn.utils.parameters_to_vector(model.policy.parameters()).detach().clone()
    model.learn(2 * TICKS * WORLDS)
    after = torch.nn.utils.parameters_to_vector(model.policy.parameters()).detach()
    moved, finite = float((after - before).norm()), bool(after.isfinite().all())
    rollout = collected(model)
    taught = rows_learned_from(model)
    found = compare(*rollout)
    found["leaving"]["rows_of_empty_places_learned_from"] = taught
    found["leaving"]["right"] &= taught == 0
    training = {"steps": model.num_timesteps, "moved": moved, "finite": finite}
    return {"trains": finite and moved > 0, "training": training, **found}


def collected(model: OnPolicyAlgorithm) -> tuple[Any, ...]:
    """Collect a rollout from the first tick of a seed, with the known critic; the arguments of :func:`compare`."""
    features = model.observation_space.shape[0]
    critic = torch.nn.Linear(features, 1)
    with torch.no_grad():
        critic.weight[0], critic.bias[:] = torch.from_numpy(weights(features)), OF_ZEROS
    # Without layers before it, the critic sees the observation itself.
    model.policy.mlp_extractor.value_net = torch.nn.Identity()
    model.policy.value_net = critic
    model.env.seed(SEED)
    _, callback = model._setup_learn(TICKS * WORLDS, reset_num_timesteps=True)
    model._last_obs = model.env.reset()
    buffer = model.rollout_buffer
    model.collect_rollouts(model.env, callback, buffer, TICKS)
    action = buffer.actions[..., 0].astype(np.int64)
    return simulate(SCENARIO, WORLDS, SEED, action), buffer.observations, action, buffer.returns


def rows_learned_from(model: OnPolicyAlgorithm) -> int:
    """How many rows of empty places are in the minibatches."""
    return sum(int((~part.observations.any(dim=1)).sum()) for part in model.rollout_buffer.get(256))


def main() -> None:
    """Print the result of the check."""
    torch.set_num_threads(1)
    report(
        "Stable-Baselines3",
        versions=installed("stable-baselines3", "gymnasium", "torch", "numpy"),
        package="stable-baselines3",
        # Not masks.
        stated=["trains", "truncation", "leaving"],
        **check(lambda environment, ticks: train_sb3.model_of(environment, 0, ticks)),
        way="`examples/train_sb3.py`: `townlet.vector_env` as a `VecEnv`",
        limits="PPO, A2C and DQN have no masks: illegal actions count as waiting; `MaskablePPO` has them",
    )


if __name__ == "__main__":
    main()
