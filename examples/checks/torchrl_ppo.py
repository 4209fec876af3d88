"""What TorchRL's PPO does with the town: masks, the value at the time limit, people who leave and arrive."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import torch

# TorchRL warns of every version of PettingZoo but one.
warnings.filterwarnings("ignore", "PettingZoo in TorchRL is tested")
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import train_torchrl
from batch_truth import compare
from known_critic import OF_ZEROS, installed, report, weights
from recorder import Recorder
from train_torchrl import GROUP

SCENARIO = "queue_conflict"
TICKS, SEED = 720, 3


def check() -> dict[str, Any]:
    """Train, collect one more rollout with a known critic, and compare it with what happened."""
    torch.manual_seed(0)
    town = Recorder(SCENARIO, action_mask="info")
    environment = train_torchrl.environment_of(town, SEED)
    features = len(town.town.observation_schema)
    actor = train_torchrl.actor_of(features, len(town.town.action_names))
    critic = train_torchrl.critic_of(features)
    loss = train_torchrl.loss_of(actor, critic)
    before = torch.nn.utils.parameters_to_vector(loss.parameters()).detach().clone()
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-3)
    data = rollout(environment, actor, critic, TICKS // 2)
    train_torchrl.update(data, loss, optimizer)
    after = torch.nn.utils.parameters_to_vector(loss.parameters()).detach()
    moved, finite = float((after - before).norm()), bool(after.isfinite().all())
    town.ticks.clear()
    data = rollout(environment, actor, known_critic(features), TICKS)
    places = data[GROUP]
    returns = places["value_target"][..., 0].numpy()
    found = compare(town.truth(), places["observation"].numpy(), places["action"].numpy(), returns)
    taught = int((~train_torchrl.occupied(data)[GROUP, "observation"].any(dim=-1)).sum())
    found["leaving"]["rows_of_empty_places_learned_from"] = taught
    found["leaving"]["right"] &= taught == 0
    training = {"steps": TICKS // 2 * len(town.slots), "moved": moved, "finite": finite}
    return {"trains": finite and moved > 0, "training": training, **found}


def rollout(environment: Any, actor: Any, critic: Any, ticks: int) -> Any:
    """One rollout with its advantages."""
    (data,) = train_torchrl.collector_of(environment, actor, ticks, ticks)
    with torch.no_grad():
        return train_torchrl.advantages_of(critic)(data)


def known_critic(features: int) -> Any:
    """The known critic with TorchRL's interface."""
    critic = train_torchrl.critic_of(features)
    linear = torch.nn.Linear(features, 1)
    with torch.no_grad():
        linear.weight[0], linear.bias[:] = torch.from_numpy(weights(features)), OF_ZEROS
    critic.module = linear
    return critic


def main() -> None:
    """Print the result of the check."""
    torch.set_num_threads(1)
    report(
        "TorchRL PPO",
        versions=installed("torchrl", "tensordict", "pettingzoo", "torch", "numpy"),
        package="torchrl",
        **check(),
        way='`examples/train_torchrl.py`: `PettingZooWrapper` with `agents="slots"`, `action_mask="info"`, '
        "`done_on_any=False`",
        limits="one town at a time; agents that come and go fail (`KeyError`)",
    )


if __name__ == "__main__":
    main()
