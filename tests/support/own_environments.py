"""Environments as users write them, for the trainer's own tests: small, and each with one peculiarity."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv


class Dice(gymnasium.Env[np.ndarray, int]):
    """Throws of a die by the environment's own generator; some actions are masked, some episodes are cut."""

    def __init__(self, sides: int = 6) -> None:
        self.sides = sides
        self.observation_space = spaces.Box(0.0, 1.0, (3,), np.float32)
        self.action_space = spaces.Discrete(3)

    def _see(self) -> tuple[np.ndarray, dict[str, Any]]:
        self.thrown = int(self.np_random.integers(self.sides))
        mask = np.array([1, 1, self.thrown % 2], np.int8)
        return self.np_random.random(3, np.float32), {"action_mask": mask}

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._see()

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        assert action != 2 or self.thrown % 2, "masked"
        self.steps += 1
        reward = float(self.thrown - action)
        seen, info = self._see()
        return seen, reward, self.thrown == 0, self.steps == 20, info


class Unseeded(Dice):
    """Throws by NumPy's global generator, which no seed of the environment reaches."""

    def _see(self) -> tuple[np.ndarray, dict[str, Any]]:
        seen, info = super()._see()
        return np.random.default_rng().random(3).astype(np.float32), info | {"seen": seen}


class Rewarding(Dice):
    """Shows what its seed says, and pays by chance."""

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        seen, _, terminated, truncated, info = super().step(action)
        return seen, float(np.random.default_rng().random()), terminated, truncated, info


class Diary(Dice):
    """Observations count the episodes of this very environment."""

    episodes = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        self.episodes += 1
        seen, info = super().reset(seed=seed)
        seen[0] = 1.0 / self.episodes
        return seen, info


class Broken(Dice):
    """Shows a NaN in the third step, or raises an exception there."""

    def __init__(self, raises: bool = False) -> None:
        super().__init__()
        self.raises = raises

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        seen, reward, _, _, info = super().step(action)
        if self.steps == 3 and self.raises:
            raise LookupError("the die is lost")
        if self.steps == 3:
            seen[1] = np.nan
        return seen, reward, False, False, info


class Faulty(Dice):
    """Has a number that is none where ``nan`` says: in the observation of its ``reset``, or in a ``reward``. It allows
    the action 1 only if ``allows`` says so."""

    def __init__(self, nan: str = "", allows: bool = True) -> None:
        super().__init__()
        self.nan, self.allows = nan, allows

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        seen, info = super().reset(seed=seed)
        info["action_mask"][1] = self.allows
        return (seen * np.nan if self.nan == "reset" else seen), info

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        seen, reward, terminated, truncated, info = super().step(action)
        return seen, (np.inf if self.nan == "reward" else reward), terminated, truncated, info


class Relay(ParallelEnv[str, np.ndarray, int]):
    """Observations are (agent, step); rewards are the action. ``ann`` ends in step 2, when ``cid`` arrives; ``bob`` is
    cut in step 3; ``cid`` ends in step 5, and the episode with it."""

    metadata = {"name": "relay"}
    possible_agents = ["ann", "bob", "cid"]

    def __init__(self, unequal: bool = False, silent: bool = False) -> None:
        self.unequal, self.silent = unequal, silent

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Box(0.0, 10.0, (3 if self.unequal and agent == "cid" else 2,), np.float32)

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Discrete(2)

    def _seen(self, agents: list[str]) -> dict[str, np.ndarray]:
        return {agent: np.array([self.possible_agents.index(agent), self.steps], np.float32) for agent in agents}

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.steps, self.agents = 0, ["ann", "bob"]
        return self._seen(self.agents), {agent: {"action_mask": np.array([0, 1])} for agent in self.agents}

    def step(self, actions: dict[str, int]) -> Any:
        assert actions.keys() == set(self.agents)
        self.steps += 1
        acting = self.agents
        ends = {"ann": self.steps == 2, "bob": False, "cid": self.steps == 5}
        cuts = {"ann": False, "bob": self.steps == 3, "cid": False}
        self.agents = [agent for agent in acting if not (ends[agent] or cuts[agent])]
        if self.steps == 2:
            self.agents.append("cid")
        shown = list(dict.fromkeys([*acting, *self.agents]))
        flags = [{} if self.silent else {agent: which[agent] for agent in shown} for which in (ends, cuts)]
        infos = {agent: {"action_mask": np.array([0, 1])} for agent in shown}
        return self._seen(shown), {agent: float(actions.get(agent, 9)) for agent in shown}, *flags, infos


class Turns(AECEnv[str, np.ndarray, int]):
    """Two agents act in turn, three times each; an action of 1 earns 1. The observation says whose turn it is."""

    metadata = {"name": "turns", "is_parallelizable": False}
    possible_agents = ["ann", "bob"]
    render_mode = None

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Box(0.0, 1.0, (1,), np.float32)

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return spaces.Discrete(2)

    def observe(self, agent: str) -> np.ndarray:
        return np.array([agent == self.agent_selection], np.float32)

    def reset(self, seed: int | None = None, options: Any = None) -> None:
        self.agents = list(self.possible_agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: {} for agent in self.agents}
        self.agent_selection, self.steps = "ann", 0

    def step(self, action: int) -> None:
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        self.steps += 1
        self.rewards = {each: float(action) if each == agent else 0.0 for each in self.agents}
        self.agent_selection = "bob" if agent == "ann" else "ann"
        if self.steps == 6:
            self.terminations = dict.fromkeys(self.agents, True)
