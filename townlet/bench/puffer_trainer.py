"""PufferLib's own trainer on its own environments, under any interpreter that has compiled PufferLib and torch.

The settings are PufferLib 3.0's defaults where speed does not depend on them, with Adam and without compilation.
https://github.com/PufferAI/PufferLib
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
import itertools
import math
from typing import Any

from townlet.bench.protocol import machine, measure_phases
from townlet.bench.puffer import ENVIRONMENTS
from townlet.bench.puffer import version as library_version

#: Agents side by side, steps of each in a phase, and the minibatch; horizon and minibatch are PufferLib's defaults.
AGENTS, HORIZON, MINIBATCH = 2048, 64, 8192

#: PufferLib's configuration of a training, but for the environment, the steps and the epochs.
SETTINGS = {
    "seed": 0,
    "torch_deterministic": True,
    "cpu_offload": False,
    "device": "cpu",
    "optimizer": "adam",
    "anneal_lr": False,
    "precision": "float32",
    "learning_rate": 1e-3,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "clip_coef": 0.2,
    "vf_coef": 0.5,
    "vf_clip_coef": 0.2,
    "max_grad_norm": 0.5,
    "ent_coef": 0.01,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_eps": 1e-5,
    "data_dir": "experiments",
    "checkpoint_interval": 10**9,
    "batch_size": "auto",
    "minibatch_size": MINIBATCH,
    "max_minibatch_size": MINIBATCH,
    "bptt_horizon": HORIZON,
    "compile": False,
    "use_rnn": False,
    "vtrace_rho_clip": 1.0,
    "vtrace_c_clip": 1.0,
    "prio_alpha": 0.8,
    "prio_beta0": 0.2,
}


def version() -> str:
    """PufferLib's version. Raises ImportError if its trainer, which needs torch and a compiled kernel, is missing."""
    importlib.import_module("pufferlib.pufferl")
    return library_version()


def measure_trainer(
    name: str, activation: str, epochs: int, hidden: list[int], threads: int, repeats: int
) -> dict[str, Any]:
    """Time phases of one rollout and ``epochs`` passes over it, as :func:`townlet.bench.trainer.measure_trainer` does.

    Args:
        name: one of :data:`townlet.bench.puffer.ENVIRONMENTS`.
        activation: ``tanh`` or ``relu``.
        epochs: passes over each rollout.
        hidden: units of the network's layers.
        threads: threads of torch.
        repeats: number of timed phases.

    Returns ``agent_steps_per_second``, ``spread``, ``worlds``, ``ticks``, ``minibatch_size``, ``epochs``,
    ``activation``, ``threads``, ``people``, ``features``, ``actions`` and ``machine``.
    """
    import torch

    pufferl = importlib.import_module("pufferlib.pufferl")
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    environment, worlds = _environment(name)
    features = math.prod(environment.single_observation_space.shape)
    actions = int(environment.single_action_space.n)
    policy = _policy(features, actions, activation, hidden)
    agents = environment.num_agents
    steps = agents * HORIZON
    config = SETTINGS | {"env": name, "total_timesteps": steps * 1_000_000, "update_epochs": epochs}

    # The trainer prints a dashboard.
    with contextlib.redirect_stdout(io.StringIO()):
        trainer = pufferl.PuffeRL(config, environment, policy)

        def phase() -> None:
            trainer.evaluate()
            trainer.train()

        rates = measure_phases(phase, steps, repeats)
    # Its thread that measures the machine's load would keep the process alive.
    trainer.utilization.stop()
    environment.close()
    return {
        **rates,
        "activation": activation,
        "epochs": epochs,
        "worlds": worlds,
        "ticks": HORIZON,
        "minibatch_size": MINIBATCH,
        "threads": threads,
        "people": agents // worlds,
        "features": features,
        "actions": actions,
        "machine": {**machine(), "torch": importlib.metadata.version("torch"), "pufferlib": library_version()},
    }


def _environment(name: str) -> tuple[Any, int]:
    """PufferLib's vector environment of about ``AGENTS`` agents, and its number of worlds."""
    vector = importlib.import_module("pufferlib.vector")
    kind, settings, _ = ENVIRONMENTS[name]
    make = getattr(importlib.import_module(f"pufferlib.ocean.{name}.{name}"), kind)
    probe = make(num_envs=1, **settings)
    worlds = max(AGENTS // probe.num_agents, 1)
    probe.close()
    environment = vector.make(
        make, env_kwargs={"num_envs": worlds, **settings}, backend=vector.PufferEnv, num_envs=1, seed=0
    )
    return environment, worlds


def _policy(features: int, actions: int, activation: str, hidden: list[int]) -> Any:
    """The network of Townlet's measurement, with the interface and the initial weights of PufferLib's policies."""
    import torch

    pytorch = importlib.import_module("pufferlib.pytorch")
    units = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[activation]

    class Policy(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers = [
                layer
                for inputs, outputs in itertools.pairwise([features, *hidden])
                for layer in (pytorch.layer_init(torch.nn.Linear(inputs, outputs)), units())
            ]
            self.trunk = torch.nn.Sequential(*layers)
            self.policy_head = pytorch.layer_init(torch.nn.Linear(hidden[-1], actions), std=0.01)
            self.value_head = pytorch.layer_init(torch.nn.Linear(hidden[-1], 1), std=1.0)

        def forward(self, observation: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
            hidden_units = self.trunk(observation.view(-1, features).float())
            return self.policy_head(hidden_units), self.value_head(hidden_units)

        forward_eval = forward

    return Policy()
