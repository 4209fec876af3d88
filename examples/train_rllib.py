"""Training of one masked policy for everybody in town by RLlib's PPO, whose agents arrive and leave.

    python examples/train_rllib.py --scenario queue_conflict --steps 20000

Each person is an agent of their own (``agents="people"``): who faints is terminated, and the newcomer is a new agent.
All of them share one module, which gives illegal actions probability 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

import gymnasium
import torch
from ray.rllib.algorithms.ppo import PPO, PPOConfig
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.core.rl_module.torch import TorchRLModule
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from torch import Tensor, nn

import townlet

BATCH, MINIBATCH = 2048, 256
#: Logit of illegal actions; finite, so that their probability × log-probability is 0 and not NaN.
ILLEGAL_LOGIT = -1e30


class Town(ParallelPettingZooEnv):
    """RLlib's wrapper of PettingZoo, for agents who arrive and leave."""

    def __init__(self, settings: dict[str, Any]) -> None:
        environment = townlet.parallel_env(settings["scenario"])
        super().__init__(environment)
        # The wrapper knows only the agents of the reset.
        self.possible_agents = list(environment.possible_agents)
        self.observation_space = gymnasium.spaces.Dict(environment.observation_spaces)
        self.action_space = gymnasium.spaces.Dict(environment.action_spaces)
        self.newcomers: tuple[dict[str, Any], dict[str, Any]] | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Begin an episode: with the newcomers of a town that goes on, or in a town that begins anew."""
        newcomers, self.newcomers = self.newcomers, None
        if newcomers is not None and seed is None:
            return newcomers
        return super().reset(seed=seed, options=options)

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """One tick.

        At the time limit only ``__all__`` is truncated, which stands for everybody who has not fainted: if each agent
        were marked too, RLlib 2.60 would find all of them done, call that a termination, and leave out the values of
        their last observations. For the same reason its episode is over when everybody faints at once; those who
        arrive then begin the next one.
        """
        present = set(self.par_env.agents)
        observations, rewards, terminations, _, infos = self.par_env.step(actions)
        over = {"__all__": not self.par_env.agents}
        if self.par_env.agents and all(terminations[agent] for agent in present):
            self.newcomers = tuple(
                {agent: part[agent] for agent in self.par_env.agents} for part in (observations, infos)
            )
            observations, rewards, terminations, infos = (
                {agent: part[agent] for agent in present} for part in (observations, rewards, terminations, infos)
            )
            return observations, rewards, {**terminations, "__all__": True}, over, infos
        return observations, rewards, {**terminations, "__all__": False}, over, infos


def only(part: dict[str, Any], agents: Iterable[str]) -> dict[str, Any]:
    """The entries of some agents."""
    return {agent: part[agent] for agent in agents}


class MaskedModule(TorchRLModule, ValueFunctionAPI):
    """Policy over the legal actions, and a value function; RLlib's own modules take no dictionaries."""

    def setup(self) -> None:
        """Make both networks."""
        features = self.observation_space["observation"].shape[0]
        self.policy = perceptron(features, int(self.action_space.n))
        self.value = perceptron(features, 1)

    def _forward(self, batch: dict[str, Any], **_: Any) -> dict[str, Tensor]:
        seen = batch[Columns.OBS]
        logits = self.policy(seen["observation"]).masked_fill(seen["action_mask"] == 0, ILLEGAL_LOGIT)
        return {Columns.ACTION_DIST_INPUTS: logits}

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> Tensor:
        """Values float32 [B]."""
        return self.value(batch[Columns.OBS]["observation"]).squeeze(-1)


def perceptron(inputs: int, outputs: int) -> nn.Sequential:
    """A network of two hidden layers."""
    return nn.Sequential(nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))


def build(scenario: str, seed: int, town: type[Town] = Town) -> PPO:
    """PPO in this process, with one module for everybody."""
    settings = (
        PPOConfig()
        .environment(town, env_config={"scenario": scenario})
        .env_runners(num_env_runners=0, rollout_fragment_length="auto")
        .multi_agent(
            policies={"everybody"},
            policy_mapping_fn=lambda agent, episode, **_: "everybody",
            count_steps_by="agent_steps",
        )
        .rl_module(
            rl_module_spec=MultiRLModuleSpec(rl_module_specs={"everybody": RLModuleSpec(module_class=MaskedModule)})
        )
        .training(train_batch_size_per_learner=BATCH, minibatch_size=MINIBATCH, num_epochs=8, lr=1e-3, gamma=0.99)
        .debugging(seed=seed, log_level="ERROR")
    )
    return settings.build_algo()


def train(scenario: str, steps: int, seed: int) -> tuple[PPO, float, float]:
    """Train a policy; return it and the mean reward per episode, everybody's together, at first and at last."""
    # Networks this small gain nothing from more threads, and lose much on a busy machine.
    torch.set_num_threads(1)
    algorithm = build(scenario, seed)
    rewards: list[float] = []
    done = 0
    while done < steps:
        result = algorithm.train()["env_runners"]
        done = result["num_module_steps_sampled_lifetime"]["everybody"]
        rewards.append(float(result["episode_return_mean"]))
    return algorithm, rewards[0], rewards[-1]


def main() -> None:
    """Train with the options of the command line, and print the rewards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="town_day", help="name of a built-in scenario, or a YAML file")
    parser.add_argument("--steps", type=int, default=200_000, help="agent-steps")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    algorithm, first, last = train(options.scenario, options.steps, options.seed)
    algorithm.stop()
    print(f"reward per episode {first:.3f} at first, {last:.3f} at last")


if __name__ == "__main__":
    main()
