"""Training of one masked policy for everybody in town by BenchMARL's IPPO; its agents are places in town.

    python examples/train_benchmarl.py --scenario queue_conflict --steps 20000

BenchMARL is built on TorchRL, whose wrapper of PettingZoo needs the same agents in every step (``agents="slots"``). The
end of a person's life is the end of their agent's row alone, not of the town (``done_on_any=False``).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from typing import Any

import torch
from benchmarl.algorithms import IppoConfig
from benchmarl.algorithms.common import AlgorithmConfig
from benchmarl.environments.common import TaskClass
from benchmarl.experiment import Callback, Experiment, ExperimentConfig
from benchmarl.models import MlpConfig
from tensordict import TensorDictBase
from torchrl.data import Composite
from torchrl.envs import EnvBase, PettingZooWrapper

import townlet

TOWNS, ROLLOUT, MINIBATCH = 8, 640, 320


def town_of(scenario: str) -> Any:
    """The town before TorchRL wraps it."""
    return townlet.parallel_env(scenario, agents="slots", action_mask="info")


class Town(TaskClass):
    """A scenario as a task of BenchMARL, whose agents are one group."""

    def get_env_fun(self, num_envs: int, continuous_actions: bool, seed: int | None, device: Any) -> Callable[[], Any]:
        """Return a function that makes a town."""

        def town() -> EnvBase:
            environment = town_of(self.config["scenario"])
            group = {"people": environment.possible_agents}
            return PettingZooWrapper(
                environment, categorical_actions=True, done_on_any=False, group_map=group, seed=seed, device=device
            )

        return town

    def supports_continuous_actions(self) -> bool:
        """No."""
        return False

    def supports_discrete_actions(self) -> bool:
        """Yes."""
        return True

    def has_render(self, env: EnvBase) -> bool:
        """No."""
        return False

    def max_steps(self, env: EnvBase) -> int:
        """Ticks of an episode."""
        ticks: int = env.limit
        return ticks

    def group_map(self, env: EnvBase) -> dict[str, list[str]]:
        """The one group and its agents."""
        groups: dict[str, list[str]] = env.group_map
        return groups

    def observation_spec(self, env: EnvBase) -> Composite:
        """What the networks see, without the mask."""
        return only(env.observation_spec, "observation")

    def action_mask_spec(self, env: EnvBase) -> Composite:
        """The masks, which BenchMARL hands to the policy's distribution."""
        return only(env.observation_spec, "action_mask")

    def action_spec(self, env: EnvBase) -> Composite:
        """The actions."""
        return env.full_action_spec

    def info_spec(self, env: EnvBase) -> None:
        """None: infos are not needed."""

    def state_spec(self, env: EnvBase) -> None:
        """None: centralised critics see all observations of the group."""

    @staticmethod
    def env_name() -> str:
        """Name of the environment in logs."""
        return "townlet"


def only(spec: Composite, kept: str) -> Composite:
    """The entry of the group that has a name, and no other."""
    return Composite({"people": Composite({kept: spec["people", kept].clone()}, shape=spec["people"].shape)})


class RewardMeter(Callback):
    """Mean rewards per agent-step of all batches."""

    def __init__(self) -> None:
        super().__init__()
        self.means: list[float] = []

    def on_batch_collected(self, batch: TensorDictBase) -> None:
        """Keep a batch's mean reward."""
        self.means.append(float(batch["next", "people", "reward"].mean()))


def make(
    scenario: str,
    steps: int,
    seed: int,
    *callbacks: Callback,
    algorithm: type[AlgorithmConfig] = IppoConfig,
    towns: int = TOWNS,
    rollout: int = ROLLOUT,
) -> Experiment:
    """The experiment with new networks; ``rollout`` counts the ticks of all towns together."""
    config = ExperimentConfig.get_from_yaml()
    config.sampling_device = config.train_device = config.buffer_device = "cpu"
    config.on_policy_n_envs_per_worker, config.on_policy_collected_frames_per_batch = towns, rollout
    config.on_policy_minibatch_size, config.on_policy_n_minibatch_iters = MINIBATCH, 16
    config.max_n_frames, config.max_n_iters, config.lr, config.gamma = steps, None, 1e-3, 0.99
    config.evaluation, config.render, config.loggers, config.create_json = False, False, [], False
    config.checkpoint_at_end, config.save_folder = False, tempfile.mkdtemp()
    model = MlpConfig(num_cells=[64, 64], activation_class=torch.nn.Tanh, layer_class=torch.nn.Linear)
    return Experiment(
        task=Town("TOWN", {"scenario": scenario}),
        algorithm_config=algorithm.get_from_yaml(),
        model_config=model,
        critic_model_config=model,
        seed=seed,
        config=config,
        callbacks=list(callbacks),
    )


def train(scenario: str, steps: int, seed: int) -> tuple[Experiment, float, float]:
    """Train a policy; return its experiment and the mean reward per agent-step in the first and the last quarter."""
    # Networks this small gain nothing from more threads, and lose much on a busy machine.
    torch.set_num_threads(1)
    meter = RewardMeter()
    experiment = make(scenario, steps, seed, meter)
    experiment.run()
    quarter = max(len(meter.means) // 4, 1)
    return experiment, sum(meter.means[:quarter]) / quarter, sum(meter.means[-quarter:]) / quarter


def main() -> None:
    """Train with the options of the command line, and print the rewards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="town_day", help="name of a built-in scenario, or a YAML file")
    parser.add_argument("--steps", type=int, default=50_000, help="ticks of towns")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    _, first, last = train(options.scenario, options.steps, options.seed)
    print(f"reward per agent-step {first:.4f} at first, {last:.4f} at last")


if __name__ == "__main__":
    main()
