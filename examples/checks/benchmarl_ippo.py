"""What BenchMARL's IPPO does with the town: masks, the time limit, people who leave and arrive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from benchmarl.algorithms import Ippo, IppoConfig
from tensordict.nn import TensorDictModule
from torch.nn.utils import parameters_to_vector

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import train_benchmarl
from batch_truth import compare
from known_critic import OF_ZEROS, installed, report, weights
from recorder import Recorder

SCENARIO = "queue_conflict"
TICKS, STEPS = 1280, 2560
TOWNS: list[Recorder] = []


class KnownValue(torch.nn.Module):
    """A critic whose values are known; its parameter is for BenchMARL's optimiser."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(features, 1)
        with torch.no_grad():
            self.linear.weight[0], self.linear.bias[:] = torch.from_numpy(weights(features)), OF_ZEROS

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Values float32 [..., 1]."""
        values: torch.Tensor = self.linear(observation)
        return values


class KnownIppo(Ippo):
    """IPPO with the known critic."""

    def get_critic(self, group: str) -> TensorDictModule:
        """The known critic in place of a new one."""
        features = self.observation_spec[group, "observation"].shape[-1]
        return TensorDictModule(KnownValue(features), [(group, "observation")], [(group, "state_value")])


class KnownIppoConfig(IppoConfig):
    """Its configuration: that of IPPO."""

    @staticmethod
    def associated_class() -> type[Ippo]:
        """The class that is configured."""
        return KnownIppo

    @classmethod
    def get_from_yaml(cls, path: str | None = None) -> IppoConfig:
        """IPPO's own settings."""
        return cls(**vars(IppoConfig.get_from_yaml(path)))


def recorder_of(scenario: str) -> Recorder:
    """A town that keeps what happens."""
    TOWNS.append(Recorder(scenario, action_mask="info"))
    return TOWNS[-1]


def check() -> dict[str, Any]:
    """Train, collect a rollout with a known critic, and compare it with what happened."""
    trained, _, _ = train_benchmarl.train(SCENARIO, STEPS, seed=0)
    fresh = train_benchmarl.make(SCENARIO, STEPS, 0)
    after, before = (parameters_to_vector(kind.policy.parameters()).detach() for kind in (trained, fresh))
    train_benchmarl.town_of = recorder_of  # type: ignore[assignment]
    known = train_benchmarl.make(SCENARIO, TICKS, 3, algorithm=KnownIppoConfig, towns=1, rollout=TICKS)
    known.policy.load_state_dict(trained.policy.state_dict())
    for town in TOWNS:
        town.ticks.clear()
    batch = next(iter(known.collector))
    places = known.algorithm.process_batch("people", batch)["people"][0]
    (town,) = [town for town in TOWNS if town.ticks]
    returns = places["value_target"][..., 0].numpy()
    return {
        "trains": bool(after.isfinite().all() and (after - before).norm() > 0),
        **compare(town.truth(), places["observation"].numpy(), places["action"].numpy(), returns),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    report(
        "BenchMARL IPPO",
        versions=installed("benchmarl", "torchrl", "tensordict", "pettingzoo", "torch", "numpy"),
        package="benchmarl",
        **check(),
        way="`examples/train_benchmarl.py`: a task of BenchMARL with places as agents, through TorchRL's wrapper",
        limits="rows of empty places are in the batch; slow: one town at a time",
    )
