"""Training of one masked policy for everybody in town by XuanCe's IPPO; its agents are places in town.

    python examples/train_xuance.py --scenario queue_conflict --steps 20000

XuanCe asks its environments which actions are available and which agents act, and leaves out the rows of the others.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
import xuance
import yaml
from xuance.environment import REGISTRY_MULTI_AGENT_ENV, RawMultiAgentEnv, make_envs
from xuance.torch.agents import IPPO_Agents

import townlet

TOWNS, ROLLOUT = 8, 160


def town_of(scenario: str) -> Any:
    """The town before XuanCe's wrapper."""
    return townlet.parallel_env(scenario, agents="slots", action_mask="info")


class Town(RawMultiAgentEnv):
    """A scenario as an environment of XuanCe."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.env = town_of(config.env_id)
        self.agents = list(self.env.possible_agents)
        self.num_agents = len(self.agents)
        self.observation_space, self.action_space = self.env.observation_spaces, self.env.action_spaces
        self.state_space, self.metadata, self.render_mode = self.env.state_space, self.env.metadata, None
        self.max_episode_steps = self.env.limit
        self.seed: int | None = config.env_seed
        self.infos: dict[str, dict[str, Any]] = {}
        self.acting: dict[str, bool] = {}

    def reset(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode."""
        observations, self.infos = self.env.reset(seed=self.seed)
        self.seed = None
        self.acting = dict.fromkeys(self.agents, True)
        return observations, {}

    def step(self, actions: dict[str, Any]) -> tuple[Any, ...]:
        """One tick. XuanCe wants one truncation for all agents."""
        self.acting = {agent: bool(self.infos[agent]["alive"]) for agent in self.agents}
        actions = {agent: int(action) for agent, action in actions.items()}
        observations, rewards, terminations, _, self.infos = self.env.step(actions)
        return observations, rewards, terminations, not self.env.agents, {}

    def state(self) -> Any:
        """Everybody's observations in a row."""
        return self.env.state()

    def agent_mask(self) -> dict[str, bool]:
        """Who acted in the last tick, and not who is there after it: XuanCe stores this beside the actions."""
        return self.acting

    def avail_actions(self) -> dict[str, Any]:
        """Everybody's masks."""
        return {agent: self.infos[agent]["action_mask"].astype(bool) for agent in self.agents}

    def render(self, *_: Any) -> None:
        """Draw nothing."""

    def close(self) -> None:
        """Do nothing: the town holds nothing open."""


REGISTRY_MULTI_AGENT_ENV["townlet"] = Town


def make(
    scenario: str, seed: int, kind: type[IPPO_Agents] = IPPO_Agents, towns: int = TOWNS, ticks: int = ROLLOUT
) -> Any:
    """XuanCe's agents with new networks; what is not set here is as in its settings of IPPO for particles."""
    folder = Path(xuance.__file__).parent / "configs"
    basic, ippo = (
        yaml.safe_load((folder / name).read_text(encoding="utf-8"))
        for name in ("basic.yaml", "ippo/mpe/simple_spread_v3.yaml")
    )
    settings = {
        **basic,
        **ippo,
        "env_name": "townlet",
        "env_id": scenario,
        "env_seed": seed,
        "seed": seed,
        "continuous_action": False,
        "policy": "Categorical_MAAC_Policy",
        "activation_action": None,
        "vectorize": "DummyVecMultiAgentEnv",
        "use_actions_mask": True,
        "use_value_norm": False,
        "parallels": towns,
        "buffer_size": towns * ticks,
        "n_minibatch": 4,
        "learning_rate": 1e-3,
        "device": "cpu",
        "logger": "tensorboard",
        "distributed_training": False,
        "log_dir": tempfile.mkdtemp(),
        "model_dir": tempfile.mkdtemp(),
    }
    config = argparse.Namespace(**settings)
    torch.manual_seed(seed)
    environments = make_envs(config)
    environments.reset()
    return kind(config=config, envs=environments)


class Meter(IPPO_Agents):
    """IPPO that keeps the mean rewards per agent-step of its rollouts."""

    def train_epochs(self, n_epochs: int = 1) -> Any:
        """Learn from the rollout, if it is complete."""
        if self.memory.full:
            rewards = [rewards.mean() for rewards in self.memory.data["rewards"].values()]
            self.__dict__.setdefault("reward_means", []).append(float(sum(rewards) / len(rewards)))
        return super().train_epochs(n_epochs)


def train(scenario: str, steps: int, seed: int) -> tuple[Any, float, float]:
    """Train a policy; return its agents and the mean reward per agent-step in the first and the last quarter."""
    # Networks this small gain nothing from more threads, and lose much on a busy machine.
    torch.set_num_threads(1)
    agents = make(scenario, seed, Meter)
    agents.train(max(steps // TOWNS, ROLLOUT))
    means = agents.reward_means
    quarter = max(len(means) // 4, 1)
    return agents, sum(means[:quarter]) / quarter, sum(means[-quarter:]) / quarter


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
