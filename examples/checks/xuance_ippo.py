"""What XuanCe's IPPO does with the town: masks, the time limit, people who leave and arrive."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector
from xuance.torch.agents import IPPO_Agents

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import train_xuance
from batch_truth import compare
from known_critic import installed, report, values
from recorder import Recorder

SCENARIO = "queue_conflict"
TICKS = 1280
TOWNS: list[Recorder] = []


class Looked(IPPO_Agents):
    """IPPO that keeps its first rollout with its returns, and does not learn."""

    rollout: dict[str, Any]

    def train_epochs(self, n_epochs: int = 1) -> Any:
        """Keep the rollout if it is complete."""
        if self.memory.full:
            self.rollout = copy.deepcopy(self.memory.data)
        return {}


def recorder_of(scenario: str) -> Recorder:
    """A town that keeps what happens."""
    TOWNS.append(Recorder(scenario, action_mask="info"))
    return TOWNS[-1]


def known_values(observation: dict[str, Any], agent_ids: Any = None, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The known critic with the interface of XuanCe's policies."""
    return {}, {agent: torch.from_numpy(values(seen))[:, None] for agent, seen in observation.items()}


def check() -> dict[str, Any]:
    """Train, collect a rollout with a known critic, and compare it with what happened."""
    trained, _, _ = train_xuance.train(SCENARIO, 4 * train_xuance.TOWNS * train_xuance.ROLLOUT, seed=0)
    fresh = train_xuance.make(SCENARIO, 0)
    after, before = (parameters_to_vector(kind.policy.actor.parameters()).detach() for kind in (trained, fresh))
    train_xuance.town_of = recorder_of
    known = train_xuance.make(SCENARIO, 3, Looked, towns=1, ticks=TICKS)
    known.policy.load_state_dict(trained.policy.state_dict())
    known.policy.get_values = known_values
    (town,) = TOWNS
    town.ticks.clear()
    known.train(TICKS)
    rows = {name: stacked(known.rollout[name], town.slots) for name in ("obs", "actions", "returns", "agent_mask")}
    truth = town.truth()
    found = compare(truth, rows["obs"], rows["actions"].astype(np.int64), rows["returns"])
    # The learner multiplies its losses by this mask.
    taught = int((rows["agent_mask"].astype(bool) != truth.alive).sum())
    found["leaving"]["rows_with_a_wrong_agent_mask"] = taught
    found["leaving"]["right"] &= taught == 0
    return {"trains": bool(after.isfinite().all() and (after - before).norm() > 0), **found}


def stacked(by_agent: dict[str, Any], agents: list[str]) -> Any:
    """One array [T, R, …] of arrays [1, T, …] by agent."""
    return np.stack([by_agent[agent][0] for agent in agents], axis=1)


if __name__ == "__main__":
    report(
        "XuanCe IPPO",
        versions=installed("xuance", "gymnasium", "pettingzoo", "torch", "numpy"),
        package="xuance",
        **check(),
        way="`examples/train_xuance.py`: an environment of XuanCe with places as agents",
        limits="a town begins anew if everybody faints in the same tick",
    )
