"""What d3rlpy's discrete CQL does with a capture: masks, the time limit, people who leave and arrive."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from d3rlpy.dataset import TransitionMiniBatch
from d3rlpy.torch_utility import TorchMiniBatch

from townlet.cli import main

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import train_d3rlpy
from known_critic import GAMMA, installed, report

SCENARIO = Path(__file__).parents[2] / "configs" / "scenarios" / "queue_conflict.yaml"


def check() -> dict[str, Any]:
    """Capture, train, and compare d3rlpy's targets with those that the capture gives."""
    folder = tempfile.mkdtemp()
    assert main(["capture", str(SCENARIO), "--worlds", "16", "--behavior", "random", "--output", folder]) == 0
    manifest = str(Path(folder) / "rollout_sample_manifest.json")
    algorithm, data = train_d3rlpy.train(manifest, 1000, seed=0)
    fresh, _ = train_d3rlpy.train(manifest, 1, seed=0)
    before, after = (parameters(kind) for kind in (fresh, algorithm))
    # Targets are those of the target network, here the same as the trained one.
    algorithm.impl.update_target()
    targets = {id(episode): targets_of(algorithm, data, episode) for episode in data.episodes}

    steps, _ = train_d3rlpy.steps_of(manifest)
    own = algorithm.predict(np.stack(steps["observation"].to_list()).astype(np.float32))
    masks = np.stack(steps["mask"].to_list())
    ends = steps[steps["terminated"] | steps["truncated"]]
    assert len(ends) == len(data.episodes)
    limits, across = [], 0.0
    for episode, end in zip(data.episodes, ends.itertuples(), strict=True):
        found = targets[id(episode)][-1]
        if end.terminated:
            across = max(across, abs(found - end.reward))
        else:
            last = np.asarray(end.final_observation, np.float32)[None]
            value = float(algorithm.predict_value(last, algorithm.predict(last))[0])
            limits.append((found, end.reward + GAMMA * value))
    worst = max(limits, key=lambda pair: abs(pair[0] - pair[1]))
    # A life begins where the capture's row before it ended another, in the order of people and ticks.
    first = np.r_[True, (steps["terminated"] | steps["truncated"]).to_numpy()[:-1]]
    begun = np.stack(steps["observation"][first].to_list())
    mine = [np.array_equal(e.observations[0], seen) for e, seen in zip(data.episodes, begun, strict=True)]
    return {
        "trains": bool(np.isfinite(after).all() and np.linalg.norm(after - before) > 0),
        "illegal": int((~masks[np.arange(len(own)), own]).sum()),
        "choices": len(own),
        "bootstrapped": {"found": worst[0], "expected": worst[1], "ends": len(limits)},
        "leaving": {
            "right": bool(across < 1e-4 and all(mine) and sum(map(len, targets.values())) == len(steps)),
            "ends": int(steps["terminated"].sum()),
            "largest_value_across_an_end": across,
            "lives_with_their_own_first_observation": sum(mine),
            "lives": len(mine),
            "steps": len(steps),
        },
    }


def targets_of(algorithm: Any, data: Any, episode: Any) -> list[float]:
    """What d3rlpy would fit the values of a life's steps to."""
    steps = [data.transition_picker(episode, index) for index in range(episode.transition_count)]
    batch = TorchMiniBatch.from_batch(TransitionMiniBatch.from_transitions(steps), GAMMA, False, "cpu:0")
    with torch.no_grad():
        following = algorithm.impl.compute_target(batch)
    return (batch.rewards + GAMMA * (1 - batch.terminals) * following)[:, 0].tolist()


def parameters(algorithm: Any) -> Any:
    """All parameters of the Q-function in one vector."""
    modules = algorithm.impl.q_function
    return torch.nn.utils.parameters_to_vector(modules.parameters()).detach().numpy()


if __name__ == "__main__":
    report(
        "d3rlpy discrete CQL",
        versions=installed("d3rlpy", "gymnasium", "pandas", "torch", "numpy"),
        package="d3rlpy",
        stated=["trains", "truncation", "leaving"],
        **check(),
        way="`examples/train_d3rlpy.py`: offline, from a capture's Parquet",
        limits="knows no masks: the example chooses the best legal action",
    )
