"""Base class of the PettingZoo environments: construction, spaces, seeding, observations and rendering."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import EzPickle
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from townlet.config import Scenario
from townlet.config.find import scenario_of
from townlet.envs.actions import no_episode, one_action, whole_number
from townlet.envs.choices import Choices
from townlet.envs.render import RENDER_FPS, RENDER_MODES, Frame, TownRenderer
from townlet.envs.seeding import town_seed
from townlet.envs.spaces import ActionMask, feature_bounds, mask_option, observation_space_of, shown
from townlet.errors import InputError
from townlet.files.storage import AnyPath
from townlet.world import Town
from townlet.world.rules.actions import WAIT


class TownParallelBase(ParallelEnv[str, Any, Any], EzPickle):
    """One world of a scenario behind PettingZoo's parallel API; subclasses define the agents.

    The mask of the actions that are open to an agent, int8 [N], is in one place. With ``action_mask="observation"``
    observations are ``{"observation": float32 [F], "action_mask": int8 [N]}``. Otherwise they are plain float32 [F],
    and ``info["action_mask"]`` is the mask with ``"info"``; with ``"none"`` there is none. An illegal action counts as
    waiting; anything that is not an action is an error. ``max_cycles`` ends the episode before the scenario's limit.
    With ``commitment_ticks`` above 0 people commit themselves, see :class:`townlet.envs.choices.Choices`. A pickled
    copy is a fresh environment.

    Raises InputError for an unknown scenario or render mode, and for options out of range.
    """

    metadata: dict[str, Any] = {
        "name": "town_v0",
        "render_modes": list(RENDER_MODES),
        "render_fps": RENDER_FPS,
        "is_parallelizable": True,
    }

    def __init__(
        self,
        scenario: Scenario | AnyPath = "town_day",
        *,
        render_mode: str | None = None,
        max_cycles: int | None = None,
        action_mask: ActionMask = "observation",
        commitment_ticks: int = 0,
    ) -> None:
        EzPickle.__init__(
            self,
            scenario,
            render_mode=render_mode,
            max_cycles=max_cycles,
            action_mask=action_mask,
            commitment_ticks=commitment_ticks,
        )
        if max_cycles is not None:
            max_cycles = whole_number("max_cycles", max_cycles, 1)
        self.scenario = scenario_of(scenario)
        self.metadata = {**type(self).metadata, "name": f"{self.scenario.name}_v0"}
        self.render_mode = render_mode
        self.max_cycles = max_cycles if max_cycles is not None else self.scenario.ticks
        self.action_mask = mask_option(action_mask)
        self.town = Town(self.scenario, worlds=1, seed=0)
        self._choices = Choices(self.town, whole_number("commitment_ticks", commitment_ticks, 0))
        self.slots = list(self.town.people)
        self.agents: list[str] = []
        self._seeded = False
        self._renderer = TownRenderer(self.town, render_mode)
        self._observation_spaces: dict[str, spaces.Space[Any]] = {}
        self._action_spaces: dict[str, spaces.Discrete] = {}

    @property
    def limit(self) -> int:
        """The tick at which everybody is truncated: the scenario's limit or ``max_cycles``, whichever is sooner."""
        return min(self.max_cycles, self.scenario.ticks)

    @property
    def observation_spaces(self) -> dict[str, spaces.Space[Any]]:  # type: ignore[override]
        """The observation spaces of all possible agents."""
        return {agent: self.observation_space(agent) for agent in self.possible_agents}

    @property
    def action_spaces(self) -> dict[str, spaces.Space[Any]]:  # type: ignore[override]
        """The action spaces of all possible agents."""
        return {agent: self.action_space(agent) for agent in self.possible_agents}

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the agent's observation space, always the same object; the class describes its shape."""
        if agent not in self._observation_spaces:
            space = observation_space_of(self.town.observation_schema, len(self.town.action_names), self.action_mask)
            self._observation_spaces[agent] = space
        return self._observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Discrete:
        """Return the agent's action space, indices into the town's ``action_names``; always the same object."""
        if agent not in self._action_spaces:
            self._action_spaces[agent] = spaces.Discrete(len(self.town.action_names))
        return self._action_spaces[agent]

    @functools.cached_property
    def state_space(self) -> spaces.Box:
        """The space of :meth:`state`."""
        low, high = (np.tile(bound, len(self.slots)) for bound in feature_bounds(self.town.observation_schema))
        return spaces.Box(low, high, dtype=np.float32)

    def state(self) -> NDArray[np.float32]:
        """Return everybody's observations in a row, float32 [A·F]; zeros for empty places."""
        state: NDArray[np.float32] = self.town.observation[0].flatten()
        return state

    def render(self) -> Frame:
        """Render the town by ``render_mode``: an image uint8 [H, W, 3], a text, or None after printing the text."""
        return self._renderer.render()

    def close(self) -> None:
        """Do nothing: the environment holds nothing open."""

    def _reset_town(self, seed: int | None) -> None:
        if seed is None and self._seeded:
            self.town.reset()
        else:
            self.town.reset(town_seed(seed))
        self._seeded = True
        self._choices.update()

    def _step_town(self, action: NDArray[np.int32]) -> None:
        """Simulate one tick under these actions, int32 [1, A], except that the committed carry on."""
        self._choices.carry_on(action)
        self.town.step(action)
        self._choices.update()

    def _require_episode(self) -> None:
        if not self.agents:
            raise no_episode(began=self._seeded)

    def _is_over(self) -> bool:
        return self.town.tick >= self.limit

    def _action_array(self, actions: Mapping[str, int], slot_of: Mapping[str, int]) -> NDArray[np.int32]:
        """The actions by place, int32 [1, A]; agents without an action wait.

        Actions of possible agents who are absent are ignored, since some libraries act for everybody in every step.
        """
        if not isinstance(actions, Mapping):
            raise InputError.of("actions", "", type(actions).__name__, "a dictionary of actions by agent")
        action = np.full((1, len(self.slots)), WAIT, np.int32)
        for agent, chosen in actions.items():
            if agent in slot_of:
                action[0, slot_of[agent]] = one_action(chosen, len(self.town.action_names), agent)
            elif agent not in self.possible_agents:
                raise InputError.of("actions", "", repr(agent), f"agents that are present: {', '.join(slot_of)}")
        return action

    def _observe(self, slot_of: Mapping[str, int], gone: set[str]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Observations and infos by agent; those in ``gone`` see zeros and can only wait."""
        seen, masks = self.town.observation[0].copy(), self._choices.mask[0].astype(np.int8)
        observations: dict[str, Any] = {}
        infos: dict[str, dict[str, Any]] = {}
        for agent, a in slot_of.items():
            observation, mask = seen[a], masks[a]
            if agent in gone:
                observation, mask = np.zeros_like(observation), np.zeros_like(mask)
                mask[WAIT] = 1
            observations[agent], infos[agent] = shown(observation, mask, self.action_mask)
        return observations, infos
