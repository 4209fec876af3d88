"""Stable-Baselines3's PPO in this very town, through PettingZoo and SuperSuit, the path that most people take."""

from __future__ import annotations

import importlib
import importlib.metadata
import statistics
import time
from typing import Any

from townlet.bench.protocol import machine
from townlet.bench.town import with_observations
from townlet.config import load_scenario

#: Rollouts: eight towns, as SuperSuit steps more of them no faster, for so many ticks; the minibatch of its examples
#: for this many sub-environments.
WORLDS, TICKS, MINIBATCH = 8, 64, 1024


def version() -> str:
    """Stable-Baselines3's version. Raises ImportError where it, or SuperSuit, is not installed."""
    for name in ("stable_baselines3", "supersuit"):
        importlib.import_module(name)
    return importlib.metadata.version("stable-baselines3")


def measure_sb3(
    file: str, observations: str | None, activation: str, epochs: int, hidden: list[int], threads: int, repeats: int
) -> dict[str, Any]:
    """Phases of a rollout and ``epochs`` passes over it, as in :func:`townlet.bench.trainer.measure_trainer`.

    The network is the same: one trunk for policy and value function. Keys: ``agent_steps_per_second``, ``spread``,
    ``worlds``, ``ticks``, ``minibatch_size``, ``epochs``, ``activation``, ``threads``, ``machine``.
    """
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, create_mlp

    import townlet

    supersuit = importlib.import_module("supersuit")
    torch.set_num_threads(threads)
    kind = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[activation]

    class Trunk(BaseFeaturesExtractor):
        """The layers that policy and value function share; Stable-Baselines3 would give each its own."""

        def __init__(self, space: Any) -> None:
            super().__init__(space, hidden[-1])
            layers = create_mlp(space.shape[0], hidden[-1], hidden[:-1], kind)
            self.layers = torch.nn.Sequential(*layers, kind())

        def forward(self, observation: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = self.layers(observation)
            return features

    scenario = with_observations(load_scenario(file), observations)
    town = townlet.parallel_env(scenario, agents="slots", action_mask="info")
    places = supersuit.pettingzoo_env_to_vec_env_v1(town)
    environment = supersuit.concat_vec_envs_v1(places, WORLDS, base_class="stable_baselines3")
    # SuperSuit hands seeds to a method that its vector environments do not have.
    environment.seed = lambda seed=None: environment.venv.reset(seed=seed)
    model = PPO(
        "MlpPolicy",
        environment,
        n_steps=TICKS,
        batch_size=MINIBATCH,
        n_epochs=epochs,
        seed=0,
        device="cpu",
        policy_kwargs={"features_extractor_class": Trunk, "net_arch": [], "activation_fn": kind},
    )
    steps = TICKS * environment.num_envs
    model.learn(steps)
    rates = []
    for _ in range(repeats):
        begin = time.perf_counter()
        model.learn(steps, reset_num_timesteps=False)
        rates.append(steps / (time.perf_counter() - begin))
    environment.close()
    return {
        "agent_steps_per_second": round(statistics.median(rates)),
        "spread": [round(min(rates)), round(max(rates))],
        "activation": activation,
        "epochs": epochs,
        "worlds": WORLDS,
        "ticks": TICKS,
        "minibatch_size": MINIBATCH,
        "threads": threads,
        "machine": {
            **machine(),
            **{name: importlib.metadata.version(name) for name in ("torch", "stable-baselines3", "supersuit")},
        },
    }
