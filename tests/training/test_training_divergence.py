"""Divergence: a training stops with a diagnosis when a number is not finite or far too large."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.small_trainings import QUEUE, SMALL, options_of, run

from townlet.behavior.network import ActorCritic
from townlet.cli import main
from townlet.config import Scenario, load_scenario
from townlet.config.training import NetworkConfig
from townlet.training import TrainingDiverged
from townlet.training.batch import Batch
from townlet.training.checkpoint import read_checkpoint
from townlet.training.divergence import cause_in, diagnose


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(QUEUE)


#: Undiscounted returns, hardly any clipping and large steps: late in this training the value loss explodes.
EXPLOSIVE = {
    "learning_rate": 0.03,
    "max_grad_norm": 1000.0,
    "diverged_above": 1000.0,
    "minibatch_size": 64,
    "gamma": 1.0,
    "gae_lambda": 1.0,
}


def test_an_exploding_loss_stops_with_a_diagnosis_and_the_last_good_checkpoint(
    scenario: Scenario, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "scenario" / QUEUE.name
    path.parent.mkdir()
    path.write_text(re.sub(r"ppo: \{.*\}", f"ppo: {json.dumps(EXPLOSIVE)}", QUEUE.read_text()))
    output = tmp_path / "trained"
    options = options_of(**(SMALL | {"cycles": 50, "checkpoint_every": 1}))
    assert main(["train", str(path), "--output", str(output), *options]) == 1
    said = capsys.readouterr().err
    diagnosis = json.loads((output / "divergence.json").read_text())
    assert f"error: {diagnosis['message']}; the diagnosis is in {output / 'divergence.json'}; the last good" in said
    assert abs(diagnosis["value"]) > 1000.0
    assert diagnosis["minibatches"][-1][diagnosis["term"]] == diagnosis["value"]
    assert diagnosis["gradient_norms"].keys() == diagnosis["weight_norms"].keys()
    norm = sum(value**2 for value in diagnosis["gradient_norms"].values()) ** 0.5
    assert norm == pytest.approx(diagnosis["minibatches"][-1]["grad_norm"], rel=1e-3)
    assert set(diagnosis["inputs"]) >= {"observation", "reward", "advantage", "value_target"}
    left = read_checkpoint(output)
    assert left is not None and f"after epoch {left.progress.counters['epoch']}, is" in said
    assert 2 <= diagnosis["epoch"] - 2 <= left.progress.counters["epoch"] < diagnosis["epoch"]
    assert [record["epoch"] for record in diagnosis["epochs"]] == list(range(diagnosis["epoch"])[-3:])
    assert not (output / "policy.json").exists()
    # The checkpoint is unchanged, so the training diverges again.
    assert main(["train", str(path), "--output", str(output), *options, "--resume"]) == 1
    assert json.loads((output / "divergence.json").read_text())["message"] == diagnosis["message"]
    run(scenario, output)
    assert not (output / "divergence.json").exists()


def test_a_diagnosis_that_cannot_be_written_does_not_hide_the_divergence(scenario: Scenario, tmp_path: Path) -> None:
    training = scenario.training.model_copy(update={"ppo": scenario.training.ppo.model_copy(update=EXPLOSIVE)})
    with pytest.raises(TrainingDiverged, match=r"no diagnosis could be written to .*divergence\.json: found a folder"):
        run(
            scenario.model_copy(update={"training": training}),
            tmp_path,
            cycles=50,
            progress=lambda _: (tmp_path / "divergence.json").mkdir(exist_ok=True),
        )


def test_a_nan_is_traced_to_its_agent_step() -> None:
    batch = toy_batch()
    batch.reward[3] = batch.advantage[3] = float("nan")
    network = ActorCritic(4, 3, NetworkConfig(hidden=(8,)))
    rows = torch.tensor([5, 3, 1])
    log_probs, value = network(batch.observation[rows], batch.mask[rows])
    (log_probs.gather(1, batch.action[rows, None])[:, 0] * batch.advantage[rows] + value).sum().backward()
    diagnosis = diagnose(network, batch, rows, [{"loss_policy": float("nan")}, {"loss_policy": float("-inf")}])
    json.dumps(diagnosis, allow_nan=False)
    assert diagnosis["inputs"]["reward"]["not_finite_agent_steps"] == [3]
    assert diagnosis["inputs"]["reward"]["max"] == float(batch.reward[[5, 1]].max())
    assert diagnosis["inputs"]["observation"]["not_finite"] == 0
    assert diagnosis["gradient_norms"]["policy_head.weight"] == "nan" != diagnosis["gradient_norms"]["value_head.bias"]
    assert diagnosis["minibatches"] == [{"loss_policy": "nan"}, {"loss_policy": "-inf"}]
    assert cause_in(batch) == "reward is not finite in 1 of 6 agent-steps"


def toy_batch() -> Batch:
    """Six agent-steps of four features and three actions."""
    generator = torch.Generator().manual_seed(0)
    draws = {
        name: torch.rand(6, generator=generator) for name in ("reward", "advantage", "value_target", "old_log_prob")
    }
    observation = torch.rand(6, 4, generator=generator)
    fields: dict[str, Any] = {field.name: None for field in dataclasses.fields(Batch)}
    fields |= draws | {"method": "none", "rows": np.arange(6), "observation": observation, "statistics": {}}
    return Batch(**fields | {"mask": torch.ones(6, 3, dtype=torch.bool), "action": torch.arange(6) % 3})
