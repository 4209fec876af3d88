"""Adapters of both interfaces, Gymnasium's and PettingZoo's, to the places of one world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from gymnasium import Env
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from townlet.errors import InputError
from townlet.training.environment.failure import EnvironmentFailed
from townlet.training.environment.places import Places
from townlet.training.environment.spaces import Actions, Observations


class Adapter(Protocol):
    """One environment, whose agents have places."""

    agents: list[str]
    """The name of the agent in each place."""
    observations: Observations
    actions: Actions
    over: bool
    """Whether the episode is over."""

    def reset(self, places: Places, seed: int) -> None:
        """Begin an episode."""
        ...

    def step(self, places: Places, action: NDArray[np.int32]) -> None:
        """One step under ``action``, int32 [A]; those of empty places are ignored."""
        ...

    def close(self) -> None:
        """Free the environment's resources."""
        ...


class SingleAdapter:
    """A Gymnasium environment: one agent, in the only place."""

    def __init__(self, env: Env[Any, Any], source: str) -> None:
        self.env, self.over = env, True
        self.agents = ["agent"]
        self.observations = Observations(env.observation_space, source)
        self.actions = Actions(env.action_space, source)

    def reset(self, places: Places, seed: int) -> None:
        """Begin an episode."""
        seen, info = self.env.reset(seed=seed)
        places.show(0, seen, info, self.observations, self.actions)
        self.over = False

    def step(self, places: Places, action: NDArray[np.int32]) -> None:
        """One step."""
        seen, reward, terminated, truncated, info = self.env.step(self.actions.native(int(action[0])))
        self.over = bool(terminated or truncated)
        places.reward[0], places.terminated[0] = reward, terminated
        places.truncated[0] = truncated and not terminated
        places.show(0, seen, info, self.observations, self.actions, present=not self.over)

    def close(self) -> None:
        """Free the environment's resources."""
        self.env.close()


class ParallelAdapter:
    """A PettingZoo parallel environment: a place for each possible agent, empty while the agent is absent.

    ``on_turn`` names the agent whose action counts, of an environment in which agents act in turn; the others have no
    choice.

    Raises InputError, with ``source`` as the file, if agents differ in their spaces or are not known beforehand.
    """

    def __init__(self, env: ParallelEnv[Any, Any, Any], source: str, on_turn: Callable[[], Any] | None = None) -> None:
        self.env, self.over, self._on_turn = env, True, on_turn
        possible = list(getattr(env, "possible_agents", ()))
        if not possible:
            expected = "a list of all agents that can ever appear: each has a place of its own"
            raise InputError.of(source, "possible_agents", "nothing", expected)
        first = possible[0]
        for kind in ("observation_space", "action_space"):
            space = getattr(env, kind)
            for agent in possible[1:]:
                if space(agent) != space(first):
                    found = f"{space(first)} of {first} and {space(agent)} of {agent}"
                    raise InputError.of(source, kind, found, "equal spaces: all agents share one policy")
        self._place = {agent: place for place, agent in enumerate(possible)}
        self.agents = [str(agent) for agent in possible]
        self.observations = Observations(env.observation_space(first), source)
        self.actions = Actions(env.action_space(first), source)

    def reset(self, places: Places, seed: int) -> None:
        """Begin an episode."""
        seen, infos = self.env.reset(seed=seed)
        for place in range(len(self.agents)):
            places.clear(place)
        self._show_present(places, seen, infos)
        self.over = False
        if not self.env.agents:
            raise EnvironmentFailed.of("agents", "none after reset", "at least one")

    def step(self, places: Places, action: NDArray[np.int32]) -> None:
        """One step of all agents that are present."""
        acting = list(self.env.agents)
        chosen = {agent: self.actions.native(int(action[self._place[agent]])) for agent in acting}
        seen, rewards, terminations, truncations, infos = self.env.step(chosen)
        present = set(self.env.agents)
        places.reward[:] = 0.0
        places.terminated[:] = places.truncated[:] = False
        for agent in acting:
            place = self._place[agent]
            ended, cut = bool(terminations.get(agent, False)), bool(truncations.get(agent, False))
            places.reward[place] = rewards.get(agent, 0.0)
            places.terminated[place], places.truncated[place] = ended, cut and not ended
            if agent not in present:
                self._show_last(places, agent, seen, infos, ended=ended, cut=cut)
        self._show_present(places, seen, infos)
        self.over = not present

    def close(self) -> None:
        """Free the environment's resources."""
        self.env.close()  # type: ignore[no-untyped-call]

    def _show_present(self, places: Places, seen: Mapping[Any, Any], infos: Mapping[Any, Any]) -> None:
        on_turn = self._on_turn() if self._on_turn is not None and self.env.agents else None
        for agent in self.env.agents:
            if agent not in self._place:
                raise EnvironmentFailed.of("agents", repr(agent), f"one of possible_agents: {', '.join(self.agents)}")
            if agent not in seen:
                raise EnvironmentFailed.of("observations", f"none of {agent}", "one of every agent that is present")
            forced = on_turn is not None and agent != on_turn
            info = infos.get(agent, {})
            places.show(self._place[agent], seen[agent], info, self.observations, self.actions, forced=forced)

    def _show_last(
        self, places: Places, agent: Any, seen: Mapping[Any, Any], infos: Mapping[Any, Any], *, ended: bool, cut: bool
    ) -> None:
        """Empty the place of an agent that has left, which keeps the last observation if that has a value."""
        place = self._place[agent]
        places.clear(place)
        if not (ended or cut):
            expected = "a termination or a truncation of every agent that leaves"
            raise EnvironmentFailed.of("agents", f"{agent} gone without either", expected)
        if ended:
            return
        if agent not in seen:
            expected = "its last one, whose value is that of the time after the truncation"
            raise EnvironmentFailed.of("observations", f"none of {agent}, who is truncated", expected)
        info = infos.get(agent, {})
        places.show(place, seen[agent], info, self.observations, self.actions, present=False)
