"""Speed of ``ppo_one_file.py`` beside Stable-Baselines3's PPO in the same town, in agent-steps per second.

    python examples/compare_speed.py --scenario town_day --repeats 5

A phase is a rollout and its update. Each contestant makes one to warm up, then all take turns; medians count, by wall
time and by processor time. In the first comparison each trains as its users write it. In the others the network (two
shared layers of 64 units, tanh), the number of passes and the minibatch are the same, so that what differs is the way
to the town and the work around the matrix products.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import supersuit
import torch
from ppo_one_file import Settings, Training
from sb3_town import TownVecEnv
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

import townlet


class Contestant(NamedTuple):
    """Something that trains phase by phase."""

    name: str
    phase: Callable[[], object]
    agent_steps: int
    """Of one phase."""


class Trunk(BaseFeaturesExtractor):
    """The layers that policy and value share; by default Stable-Baselines3 gives each its own."""

    def __init__(self, space: Any) -> None:
        super().__init__(space, 64)
        self.layers = nn.Sequential(nn.Linear(space.shape[0], 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())

    def forward(self, observations: Tensor) -> Tensor:
        """Features float32 [B, 64]."""
        return self.layers(observations)


SAME_NETWORK = {"features_extractor_class": Trunk, "net_arch": []}


def through_supersuit(scenario: str, worlds: int) -> Any:
    """Stable-Baselines3's usual way to an environment of PettingZoo."""
    places = supersuit.pettingzoo_env_to_vec_env_v1(townlet.parallel_env(scenario, agents="slots", action_mask="none"))
    return supersuit.concat_vec_envs_v1(places, worlds, base_class="stable_baselines3")


def sb3(name: str, environment: Any, ticks: int, minibatch: int, epochs: int, network: Any = None) -> Contestant:
    """Stable-Baselines3's PPO."""
    model = PPO(
        "MlpPolicy",
        environment,
        n_steps=ticks,
        batch_size=minibatch,
        n_epochs=epochs,
        policy_kwargs=network,
        device="cpu",
    )
    steps = ticks * environment.num_envs
    return Contestant(name, lambda: model.learn(steps, reset_num_timesteps=False), steps)


def one_file(settings: Settings) -> Contestant:
    """The training of ``ppo_one_file.py``."""
    training = Training(settings)
    steps = settings.ticks * training.batch.num_envs
    return Contestant("one file", lambda: training.update(training.advantages(training.collect().clone())), steps)


def comparisons(scenario: str, threads: int) -> dict[str, list[Contestant]]:
    """Contestants by comparison; the first of each is the reference."""
    settings = Settings(scenario, threads=threads)
    found = {
        "as its users write it": [
            # The defaults, but for a rollout of the length that SuperSuit's examples have.
            sb3("SB3 through SuperSuit, 10 passes, minibatch 256", through_supersuit(scenario, 4), 64, 256, 10),
            one_file(settings),
        ]
    }
    for epochs in (1, 4, 10):
        found[f"same network, minibatch {settings.minibatch}, passes {epochs}"] = [
            sb3("SB3 through SuperSuit", through_supersuit(scenario, 8), 512, settings.minibatch, epochs, SAME_NETWORK),
            sb3("SB3 on the batch", TownVecEnv(scenario), 64, settings.minibatch, epochs, SAME_NETWORK),
            one_file(Settings(scenario, threads=threads, epochs=epochs)),
        ]
    return found


def measure(contestants: list[Contestant], repeats: int) -> list[tuple[float, float]]:
    """Agent-steps per second of each contestant, by wall time and by processor time: medians over the repeats."""
    rates: list[list[tuple[float, float]]] = [[] for _ in contestants]
    for contestant in contestants:
        contestant.phase()
    for _ in range(repeats):
        for contestant, found in zip(contestants, rates, strict=True):
            wall, processor = time.perf_counter(), time.process_time()
            contestant.phase()
            spent = time.perf_counter() - wall, time.process_time() - processor
            found.append((contestant.agent_steps / spent[0], contestant.agent_steps / spent[1]))
    return [(statistics.median(by[0] for by in found), statistics.median(by[1] for by in found)) for found in rates]


def main() -> None:
    """Print a table of rates and of ratios to the first of each comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="town_day", help="name of a built-in scenario, or a YAML file")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("| comparison | who | agent-steps/s, wall | ratio | agent-steps/s, processor | ratio |")
    print("|---|---|---|---|---|---|")
    for comparison, contestants in comparisons(options.scenario, options.threads).items():
        rates = measure(contestants, options.repeats)
        for contestant, (wall, processor) in zip(contestants, rates, strict=True):
            ratios = wall / rates[0][0], processor / rates[0][1]
            cells = f"{wall:,.0f} | {ratios[0]:.1f} | {processor:,.0f} | {ratios[1]:.1f}"
            print(f"| {comparison} | {contestant.name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
