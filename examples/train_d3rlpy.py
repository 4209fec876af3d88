"""Offline training of a policy from a capture by d3rlpy's discrete CQL.

    townlet capture configs/scenarios/queue_conflict.yaml --worlds 16 --behavior heuristic --output capture
    python examples/train_d3rlpy.py capture/rollout_sample_manifest.json --updates 2000

Each person's life is an episode of d3rlpy's data set. It bootstraps from the observation of the row after, so a life
that the time limit cut gets one more row with its last observation; without it, it would lose its last step.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import d3rlpy
import numpy as np
import pandas
import torch
from numpy.typing import NDArray

GAMMA = 0.99


def steps_of(manifest: str) -> tuple[pandas.DataFrame, int]:
    """The rows of a capture, in order of people and ticks, and its number of actions."""
    path = Path(manifest)
    described = json.loads(path.read_text(encoding="utf-8"))
    steps = pandas.concat(pandas.read_parquet(path.parent / shard["file"]) for shard in described["shards"])
    return steps.sort_values(["world", "agent", "tick"], kind="stable"), len(described["actions"])


def data_set(manifest: str) -> d3rlpy.dataset.MDPDataset:
    """The capture as d3rlpy's data set."""
    steps, actions = steps_of(manifest)
    observations: list[NDArray[np.float32]] = []
    rows: list[tuple[int, float, bool, bool]] = []
    for step in steps.itertuples():
        observations.append(np.asarray(step.observation, np.float32))
        rows.append((step.action, step.reward, step.terminated, False))
        if step.truncated:
            observations.append(np.asarray(step.final_observation, np.float32))
            rows.append((step.action, 0.0, False, True))
    action, reward, terminated, cut = (np.array(column) for column in zip(*rows, strict=True))
    # Whoever is still in town when a capture with fewer ticks than the scenario ends is cut there, too.
    return d3rlpy.dataset.MDPDataset(
        np.stack(observations),
        action.astype(np.int32)[:, None],
        reward.astype(np.float32)[:, None],
        terminated.astype(np.float32),
        timeouts=cut.astype(np.float32),
        action_space=d3rlpy.ActionSpace.DISCRETE,
        action_size=actions,
    )


def train(manifest: str, updates: int, seed: int) -> tuple[Any, d3rlpy.dataset.MDPDataset]:
    """Train a Q-function; return the algorithm and its data."""
    torch.set_num_threads(1)
    d3rlpy.seed(seed)
    data = data_set(manifest)
    algorithm = d3rlpy.algos.DiscreteCQLConfig(gamma=GAMMA, batch_size=256, learning_rate=1e-3).create(device="cpu:0")
    quiet = d3rlpy.logging.NoopAdapterFactory()
    algorithm.fit(data, n_steps=updates, n_steps_per_epoch=updates, show_progress=False, logger_adapter=quiet)
    return algorithm, data


def legal_actions(algorithm: Any, observation: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The best legal actions int64 [B]; d3rlpy's own ``predict`` knows no masks."""
    repeated = np.repeat(observation, mask.shape[1], axis=0)
    every = np.tile(np.arange(mask.shape[1]), len(observation))
    values = algorithm.predict_value(repeated, every).reshape(mask.shape)
    best: NDArray[np.int64] = np.where(mask, values, -np.inf).argmax(axis=1)
    return best


def main() -> None:
    """Train with the options of the command line, and print the size of the data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", help="of a capture")
    parser.add_argument("--updates", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    algorithm, data = train(options.manifest, options.updates, options.seed)
    print(f"{data.size()} lives, {data.transition_count} steps; {algorithm.grad_step} updates")


if __name__ == "__main__":
    main()
