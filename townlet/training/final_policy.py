"""The policy that a finished training saves, with its provenance."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import JsonValue

from townlet.behavior.policy_file import PolicyCard, load_policy, save_policy
from townlet.errors import InputError
from townlet.files.storage import AnyPath
from townlet.training.harness import TrainingHarness


def save_final_policy(folder: AnyPath, harness: TrainingHarness, origin: Mapping[str, JsonValue]) -> PolicyCard:
    """Save a harness's network with its provenance: ``origin``, and what the harness itself knows."""
    town = harness.loop.town
    return save_policy(
        folder,
        harness.network,
        observation=town.observation_schema,
        actions=town.action_names,
        provenance=_provenance(harness, origin),
    )


def is_saved(folder: AnyPath, harness: TrainingHarness, origin: Mapping[str, JsonValue]) -> bool:
    """Whether the folder's policy is the one that :func:`save_final_policy` would write."""
    try:
        network, card = load_policy(folder)
    except InputError:
        return False
    ours, theirs = harness.network.state_dict(), network.state_dict()
    equal = ours.keys() == theirs.keys() and all(torch.equal(ours[name].cpu(), theirs[name]) for name in ours)
    return equal and card.provenance == _provenance(harness, origin)


def _provenance(harness: TrainingHarness, origin: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {
        **origin,
        "training": harness.config.model_dump(mode="json"),
        "seed": harness.seed,
        "epochs": harness.epoch,
        "agent_steps": harness.steps,
        "rollout_captures": harness.cycle,
        **({"rollouts_passed_over": harness.passed_over} if harness.passed_over else {}),
    }
