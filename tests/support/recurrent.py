"""Scenarios whose people are to be driven by recurrent networks."""

from __future__ import annotations

from typing import Any

from support.places import QUEUE_CONFLICT
from townlet.config import Scenario, load_scenario
from townlet.training import TrainingHarness

#: A memory, and segments that are shorter than an episode.
GRU: dict[str, Any] = {"hidden": [24, 16], "recurrent": "gru", "recurrent_units": 12, "bptt_ticks": 7}


def queue_with(network: dict[str, Any], **training: Any) -> Scenario:
    """``queue_conflict`` with a network, and with further options of its training."""
    scenario = load_scenario(QUEUE_CONFLICT)
    own = scenario.training.model_dump() | {"worlds": 3, "rollout_ticks": 50, "epochs": 2} | training
    own["network"], own["ppo"] = network, {"minibatch_size": 64} | training.get("ppo", {})
    return scenario.model_copy(update={"training": type(scenario.training).model_validate(own)})


def recurrent_harness(**network: Any) -> TrainingHarness:
    """A harness of ``queue_conflict`` with a small recurrent network."""
    return TrainingHarness.for_scenario(queue_with(GRU | network), seed=3)
