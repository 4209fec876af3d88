"""A small network saved as a policy."""

from __future__ import annotations

from pathlib import Path

from townlet.behavior.network import ActorCritic
from townlet.behavior.policy_file import PolicyCard, save_policy
from townlet.config.training import NetworkConfig

OBSERVATION = [{"name": f"feature {i}", "low": 0.0, "high": 1.0, "meaning": "something seen"} for i in range(5)]
ACTIONS = ["wait", "north", "request"]


def make_network(seed: int = 0) -> ActorCritic:
    return ActorCritic(5, 3, NetworkConfig(hidden=(8,)), seed=seed)


def save_into(folder: Path, network: ActorCritic | None = None) -> PolicyCard:
    return save_policy(
        folder,
        network or make_network(),
        observation=OBSERVATION,
        actions=ACTIONS,
        provenance={"scenario": "queue_conflict", "seed": 3},
    )
