"""PufferLib's own trainer on its own environments; runs under any interpreter that has PufferLib, compiled, and torch.

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
import statistics
import time
from typing import Any

from townlet.bench.protocol import machine
from townlet.bench.puffer import ENVIRONMENTS
from townlet.bench.puffer import version as library_version

#: Agents side by side, steps of each in a phase, and minibatches: PufferLib's default horizon and minibatch.
AGENTS, HORIZON, MINIBATCH = 2048, 64, 8192


def version() -> str:
    """PufferLib's version. Raises ImportError where its trainer, which needs torch and a compiled kernel, is not."""
    importlib.import_module("pufferlib.pufferl")
    return library_version()


def measure_trainer(
    name: str, activation: str, epochs: int, hidden: list[int], threads: int, repeats: int
) -> dict[str, Any]:
    """Phases of a rollout and ``epochs`` passes over it, as in :func:`townlet.bench.trainer.measure_trainer`.

    Keys: ``agent_steps_per_second``, ``spread``, ``worlds``, ``ticks``, ``minibatch_size``, ``epochs``,
    ``activation``, ``threads``, ``machine``.
    """
    import torch

    pufferl = importlib.import_module("pufferlib.pufferl")
    pytorch = importlib.import_module("pufferlib.pytorch")
    vector = importlib.import_module("pufferlib.vector")
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    kind, settings, _ = ENVIRONMENTS[name]
    make = getattr(importlib.import_module(f"pufferlib.ocean.{name}.{name}"), kind)
    probe = make(num_envs=1, **settings)
    worlds = max(AGENTS // probe.num_agents, 1)
    features, actions = math.prod(probe.single_observation_space.shape), int(probe.single_action_space.n)
    probe.close()
    environment = vector.make(
        make, env_kwargs={"num_envs": worlds, **settings}, backend=vector.PufferEnv, num_envs=1, seed=0
    )
    units = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[activation]

    class Policy(torch.nn.Module):
        """The network of Townlet's measurement, as PufferLib calls it."""

        def __init__(self) -> None:
            super().__init__()
            sizes = [features, *hidden]
            layers = [
                layer
                for inputs, outputs in itertools.pairwise(sizes)
                for layer in (pytorch.layer_init(torch.nn.Linear(inputs, outputs)), units())
            ]
            self.trunk = torch.nn.Sequential(*layers)
            self.policy_head = pytorch.layer_init(torch.nn.Linear(hidden[-1], actions), std=0.01)
            self.value_head = pytorch.layer_init(torch.nn.Linear(hidden[-1], 1), std=1.0)

        def forward(self, observation: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
            seen = self.trunk(observation.view(-1, features).float())
            return self.policy_head(seen), self.value_head(seen)

        forward_eval = forward

    agents = environment.num_agents
    steps = agents * HORIZON
    config = {
        "env": name,
        "seed": 0,
        "torch_deterministic": True,
        "cpu_offload": False,
        "device": "cpu",
        "optimizer": "adam",
        "anneal_lr": False,
        "precision": "float32",
        "total_timesteps": steps * 1_000_000,
        "learning_rate": 1e-3,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "update_epochs": epochs,
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
    rates = []
    # It draws a dashboard as it goes.
    with contextlib.redirect_stdout(io.StringIO()):
        trainer = pufferl.PuffeRL(config, environment, Policy())
        for phase in range(repeats + 1):
            begin = time.perf_counter()
            trainer.evaluate()
            trainer.train()
            if phase:
                rates.append(steps / (time.perf_counter() - begin))
    # A thread of it watches the machine's load, and would keep the process alive.
    trainer.utilization.stop()
    environment.close()
    return {
        "agent_steps_per_second": round(statistics.median(rates)),
        "spread": [round(min(rates)), round(max(rates))],
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
