"""What ``train_jax.py`` does with the batch of towns: masks, values at the time limit, people who leave and arrive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import train_jax
from batch_truth import compare, simulate
from known_critic import installed, report, values

SCENARIO = "queue_conflict"
WORLDS, TICKS, SEED = 8, 160, 3


def check() -> dict[str, Any]:
    """Train, collect one more rollout from the first tick of a seed with a known critic, and compare it."""
    trained, _, _ = train_jax.train(SCENARIO, 20_000, seed=0)
    before, after = (flat(training.parameters) for training in (train_jax.Training(SCENARIO, 0), trained))
    measured = train_jax.Training(SCENARIO, SEED, WORLDS)
    measured.parameters, measured.values = trained.parameters, values
    rollout = measured.collect(TICKS)
    returns = measured.advantages(rollout) + rollout.value
    truth = simulate(SCENARIO, WORLDS, SEED, rollout.action)
    assert (rollout.mask == truth.mask).all() and (rollout.alive == truth.alive).all()
    return {
        "trains": bool(np.isfinite(after).all() and np.linalg.norm(after - before) > 0),
        **compare(truth, rollout.observation, rollout.action, returns),
    }


def flat(parameters: Any) -> Any:
    """All parameters in one vector."""
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(parameters)])


if __name__ == "__main__":
    report(
        "PPO in one file, JAX",
        versions=installed("jax", "optax", "gymnasium", "numpy"),
        package="jax",
        **check(),
        way="`examples/train_jax.py`: `townlet.vector_env`",
        limits="",
    )
