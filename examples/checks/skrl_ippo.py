"""What skrl's IPPO does with the town: masks, the value at the time limit, people who leave and arrive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skrl.envs.wrappers.torch import wrap_env
from torch import Tensor

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import train_skrl
from batch_truth import compare
from known_critic import OF_ZEROS, installed, report, weights
from recorder import Recorder

SCENARIO = "queue_conflict"
TICKS = 960


class KnownValue(train_skrl.Value):
    """The known critic; it sees the mask before the observation, and makes nothing of it."""

    def compute(self, inputs: dict[str, Any], role: str = "") -> tuple[Tensor, dict[str, Any]]:
        """Values float32 [B, 1]."""
        seen = inputs["observations"][:, self.num_actions :]
        return seen @ torch.from_numpy(weights(seen.shape[1]))[:, None] + OF_ZEROS, {}


def check() -> dict[str, Any]:
    """Collect a rollout with a known critic, learn from it, and compare what is in the memories."""
    train_skrl.set_seed(0)
    town = Recorder(SCENARIO)
    environment = wrap_env(town, wrapper="pettingzoo", verbose=False)
    agents = train_skrl.agents_of(environment, TICKS, KnownValue)
    before = parameters(agents)
    train_skrl.run(environment, agents, TICKS)
    after = parameters(agents)
    moved, finite = float((after - before).norm()), bool(after.isfinite().all())
    memories = [agents.memories[slot] for slot in town.slots]
    stored = {
        name: np.stack([memory.get_tensor_by_name(name)[:, 0].numpy() for memory in memories], axis=1)
        for name in ("observations", "actions", "returns")
    }
    truth = town.truth()
    features = truth.observation.shape[2]
    found = compare(
        truth, stored["observations"][..., -features:], stored["actions"][..., 0], stored["returns"][..., 0]
    )
    batches = [memory.sample(["observations"], batch_size=TICKS)[0][0] for memory in memories]
    taught = sum(int((~batch[:, -features:].any(dim=1)).sum()) for batch in batches)
    found["leaving"]["rows_of_empty_places_learned_from"] = taught
    found["leaving"]["right"] &= taught == 0
    training = {"steps": TICKS * len(town.slots), "moved": moved, "finite": finite}
    return {"trains": finite and moved > 0, "training": training, **found}


def parameters(agents: Any) -> Tensor:
    """All parameters of all policies in a row."""
    policies = [agents.policies[slot] for slot in agents.possible_agents]
    return torch.nn.utils.parameters_to_vector(part for policy in policies for part in policy.parameters()).detach()


def main() -> None:
    """Print the result of the check."""
    torch.set_num_threads(1)
    report(
        "skrl IPPO",
        versions=installed("skrl", "pettingzoo", "gymnasium", "torch", "numpy"),
        package="skrl",
        **check(),
        way='`examples/train_skrl.py`: `agents="slots"`, a masked model, `time_limit_bootstrap=True`',
        limits="one town at a time; `time_limit_bootstrap` is off by default",
    )


if __name__ == "__main__":
    main()
