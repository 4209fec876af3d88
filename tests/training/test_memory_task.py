"""The memory task of the examples: a recurrent network solves it, and a perceptron stays at chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.places import ROOT

from townlet.training import train_env
from townlet.training.environment import evaluate_in_environment, find_environment

EXAMPLES = ROOT / "examples"
TASK = f"{EXAMPLES / 'memory_task.py'}:MemoryTask"


@pytest.mark.parametrize("recurrent", ["gru", "none"])
def test_only_a_network_with_a_memory_learns_what_it_was_shown(tmp_path: Path, recurrent: str) -> None:
    settings: dict[str, Any] = yaml.safe_load((EXAMPLES / "memory_task.yaml").read_text())
    settings["training"]["network"]["recurrent"] = recurrent
    settings["training"] |= {"rollout_ticks": 12, "epochs": 3}
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(settings))
    # A shorter delay than the example's, and less training.
    options = {"cues": 3, "delay": 3}
    train_env(TASK, tmp_path / "policy", env_options=options, config=file, cycles=20)
    found = evaluate_in_environment(tmp_path / "policy", find_environment(TASK, options), episodes=160, greedy=True)
    score = found["returns"]["policy"]["mean"]
    assert score > 0.95 if recurrent == "gru" else score < 0.5
