"""What PufferLib's PuffeRL does with the batch of towns: masks, the time limit, people who leave and arrive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import train_pufferlib
from batch_truth import compare, simulate
from known_critic import GAMMA, OF_ZEROS, installed, report, values, weights
from pufferlib.pufferl import compute_puff_advantage
from torch.nn.utils import parameters_to_vector
from train_pufferlib import Towns, make_trainer

SCENARIO = "queue_conflict"
WORLDS, TICKS, SEED = 8, 160, 3
#: So small that rewards with values of the known critic are within PuffeRL's bounds of 1.
SCALE = 0.01


class KnownValue(torch.nn.Module):
    """A value network of known values."""

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Values float32 [B, 1]."""
        return (observation @ torch.from_numpy(weights(observation.shape[1])) + OF_ZEROS)[:, None]


def check() -> dict[str, Any]:
    """Train, collect one more rollout from the first tick of a seed with a known critic, and compare it."""
    trained, _, _ = train_pufferlib.train(SCENARIO, 20_000, seed=0)
    # The seed of the training gives the networks that it began with.
    torch.manual_seed(0)
    policy = trained.policy
    fresh = train_pufferlib.Policy(policy.features, policy.policy[-1].out_features, policy.scale)
    before, after = (parameters_to_vector(kind.parameters()).detach() for kind in (fresh, policy))

    towns = Towns(SCENARIO, WORLDS, SEED, SCALE)
    # PuffeRL has no advantage for the last step of a rollout, so this one has a step more than is compared.
    trainer = make_trainer(towns, 10**6, SEED, TICKS + 1)
    trainer.policy.policy.load_state_dict(policy.policy.state_dict())
    trainer.policy.critic = KnownValue()
    trainer.evaluate()
    trainer.utilization.stop()
    advantages = compute_puff_advantage(
        trainer.values,
        trainer.rewards,
        trainer.terminals,
        torch.ones_like(trainer.values),
        torch.zeros_like(trainer.values),
        GAMMA,
        0.95,
        1.0,
        1.0,
    )
    returns = ((advantages + trainer.values) / SCALE).numpy().T[:-1]
    action = trainer.actions.numpy().T[:-1].astype(np.int64)
    truth = simulate(SCENARIO, WORLDS, SEED, action)
    seen = trainer.observations.numpy().transpose(1, 0, 2)[:-1]
    features = truth.observation.shape[2]
    assert (seen[..., features:] == truth.mask).all()
    assert np.allclose(trainer.values.numpy().T[:-1] / SCALE, values(truth.observation), atol=1e-4)
    return {
        "trains": bool(after.isfinite().all() and (after - before).norm() > 0),
        **compare(truth, seen[..., :features], action, returns),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    report(
        "PufferLib",
        versions=installed("pufferlib", "gymnasium", "pettingzoo", "torch", "numpy"),
        package="pufferlib",
        **check(),
        way="`examples/train_pufferlib.py`: `townlet.vector_env` as a native environment, trained by PuffeRL",
        limits="rows of empty places are in the batch; the last step of a rollout has no advantage",
    )
