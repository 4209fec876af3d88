"""Stable-Baselines3's PPO in the same town, through PettingZoo and SuperSuit, as most people would do it."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

from townlet.bench.protocol import machine, measure_phases
from townlet.bench.town import with_observations
from townlet.config import Scenario, load_scenario

#: Worlds and ticks of a rollout, and the minibatch. SuperSuit steps more than eight towns no faster per town; the
#: minibatch is that of its examples with as many sub-environments.
WORLDS, TICKS, MINIBATCH = 8, 64, 1024


def version() -> str:
    """Stable-Baselines3's version. Raises ImportError where it, or SuperSuit, is not installed."""
    for name in ("stable_baselines3", "supersuit"):
        importlib.import_module(name)
    return importlib.metadata.version("stable-baselines3")


def measure_sb3(
    file: str, observations: str | None, activation: str, epochs: int, hidden: list[int], threads: int, repeats: int
) -> dict[str, Any]:
    """Time phases of one rollout and ``epochs`` passes over it, as :func:`townlet.bench.trainer.measure_trainer` does.

    The network is the same: one trunk for policy and value function.

    Args:
        file: the scenario's file.
        observations: mode in place of the scenario's own.
        activation: ``tanh`` or ``relu``.
        epochs: passes over each rollout.
        hidden: units of the network's layers.
        threads: threads of torch.
        repeats: number of timed phases.

    Returns ``agent_steps_per_second``, ``spread``, ``worlds``, ``ticks``, ``minibatch_size``, ``epochs``,
    ``activation``, ``threads`` and ``machine``.
    """
    import torch
    from stable_baselines3 import PPO

    torch.set_num_threads(threads)
    environment = _vector_environment(with_observations(load_scenario(file), observations))
    model = PPO(
        "MlpPolicy",
        environment,
        n_steps=TICKS,
        batch_size=MINIBATCH,
        n_epochs=epochs,
        seed=0,
        device="cpu",
        policy_kwargs=_shared_trunk(activation, hidden),
    )
    steps = TICKS * environment.num_envs
    rates = measure_phases(lambda: model.learn(steps, reset_num_timesteps=False), steps, repeats)
    environment.close()
    return {
        **rates,
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


def _vector_environment(scenario: Scenario) -> Any:
    """SuperSuit's vector environment of the slots of all worlds."""
    import townlet

    supersuit = importlib.import_module("supersuit")
    town = townlet.parallel_env(scenario, agents="slots", action_mask="info")
    slots = supersuit.pettingzoo_env_to_vec_env_v1(town)
    environment = supersuit.concat_vec_envs_v1(slots, WORLDS, base_class="stable_baselines3")
    # SuperSuit passes seeds to a method that its vector environments do not have.
    environment.seed = lambda seed=None: environment.venv.reset(seed=seed)
    return environment


def _shared_trunk(activation: str, hidden: list[int]) -> dict[str, Any]:
    """Arguments of a Stable-Baselines3 policy whose policy and value function share their layers."""
    import torch
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, create_mlp

    kind = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[activation]

    class Trunk(BaseFeaturesExtractor):
        """The shared layers; by default Stable-Baselines3 gives each its own."""

        def __init__(self, space: Any) -> None:
            super().__init__(space, hidden[-1])
            layers = create_mlp(space.shape[0], hidden[-1], hidden[:-1], kind)
            self.layers = torch.nn.Sequential(*layers, kind())

        def forward(self, observation: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = self.layers(observation)
            return features

    return {"features_extractor_class": Trunk, "net_arch": [], "activation_fn": kind}
