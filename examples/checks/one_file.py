"""What ``ppo_one_file.py`` does with the town: masks, the value at the time limit, people who leave and arrive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from batch_truth import compare, simulate
from known_critic import GAMMA, OF_ZEROS, installed, report, weights
from ppo_one_file import Settings, Training

SCENARIO = "queue_conflict"
WORLDS, TICKS, SEED = 8, 160, 3


class KnownValue(nn.Module):
    """A trained agent's log-probabilities with the known critic's values."""

    def __init__(self, agent: nn.Module, features: int) -> None:
        super().__init__()
        self.agent = agent
        self.weights = torch.from_numpy(weights(features))

    def forward(self, observation: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities float32 [B, N], values float32 [B]."""
        return self.agent(observation, mask)[0], observation @ self.weights + OF_ZEROS


def check() -> dict[str, Any]:
    """Train, collect one more rollout from the first tick of a seed with a known critic, and compare it."""
    settings = Settings(SCENARIO, steps=2 * TICKS * WORLDS * 3, worlds=WORLDS, ticks=TICKS, minibatch=256, gamma=GAMMA)
    training = Training(settings)
    before = nn.utils.parameters_to_vector(training.agent.parameters()).detach().clone()
    training.run()
    after = nn.utils.parameters_to_vector(training.agent.parameters()).detach()
    moved, finite = float((after - before).norm()), bool(after.isfinite().all())
    training.agent = KnownValue(training.agent, training.rollout.observation.shape[2])
    training.observation, training.info = training.batch.reset(seed=SEED)
    rollout = training.rollout
    returns = training.advantages(training.collect()) + rollout.value
    action = rollout.action.numpy()
    truth = simulate(SCENARIO, WORLDS, SEED, action)
    found = compare(truth, rollout.observation.numpy(), action, returns.numpy())
    # The update takes the rows that are marked as alive, and no others.
    taught = int((rollout.alive.numpy() & ~truth.alive).sum())
    found["leaving"]["rows_of_empty_places_learned_from"] = taught
    found["leaving"]["right"] &= taught == 0
    return {
        "trains": finite and moved > 0,
        "training": {"steps": training.steps, "moved": moved, "finite": finite},
        **found,
    }


def main() -> None:
    """Print the result of the check."""
    report(
        "PPO in one file, torch",
        versions=installed("torch", "numpy"),
        package="torch",
        **check(),
        way="`examples/ppo_one_file.py`: `townlet.vector_env`, as CleanRL's files are written",
        limits="",
    )


if __name__ == "__main__":
    main()
