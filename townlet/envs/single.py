"""Gymnasium environment of the town, in which one person learns and the others follow a behaviour."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import EzPickle
from numpy.typing import NDArray

from townlet.behavior import Behavior
from townlet.behavior.brought_observations import changed_observations
from townlet.behavior.choose import choose_behavior
from townlet.config import Scenario
from townlet.config.find import scenario_of
from townlet.envs.actions import no_episode, one_action, whole_number
from townlet.envs.choices import Choices
from townlet.envs.render import RENDER_FPS, RENDER_MODES, Frame, TownRenderer
from townlet.envs.seeding import town_seed
from townlet.envs.spaces import ActionMask, mask_option, observation_space_of, shown
from townlet.errors import InputError, nearest_name
from townlet.files.storage import AnyPath
from townlet.world import Town


class TownEnv(gymnasium.Env[Any, np.int64], EzPickle):
    """One world in which the agent acts for one ``person``, by default the first.

    ``others``, the behaviour of everybody else, is whatever :func:`townlet.behavior.choose.choose_behavior` takes:
    ``random``, ``scripted`` (the scenario's schedule), ``heuristic``, a policy's place or name, a factory, an ONNX
    file, or a behaviour itself.

    The mask of the actions that are open to the person, int8 [N], is in one place. With ``action_mask="info"``
    observations are float32 [F], and ``info["action_mask"]`` is the mask. With ``"observation"`` they are
    ``{"observation": float32 [F], "action_mask": int8 [N]}``, and with ``"none"`` there is no mask.
    :meth:`action_masks` returns it in any case. An illegal action counts as waiting. The episode terminates when the
    person faints, with zeros as the last observation, and is truncated at the scenario's time limit. With
    ``commitment_ticks`` above 0 the person commits themselves, see :class:`townlet.envs.choices.Choices`. A pickled
    copy is a fresh environment.

    Raises InputError for an unknown scenario, person, behaviour or render mode, and for options out of range.
    """

    metadata: dict[str, Any] = {"render_modes": list(RENDER_MODES), "render_fps": RENDER_FPS}

    def __init__(
        self,
        scenario: Scenario | AnyPath = "town_day",
        *,
        person: str | None = None,
        others: str | Behavior = "random",
        render_mode: str | None = None,
        action_mask: ActionMask = "info",
        commitment_ticks: int = 0,
    ) -> None:
        EzPickle.__init__(
            self,
            scenario,
            person=person,
            others=others,
            render_mode=render_mode,
            action_mask=action_mask,
            commitment_ticks=commitment_ticks,
        )
        self.scenario = scenario_of(scenario)
        self.town = Town(self.scenario, worlds=1, seed=0)
        self.person = self.town.people[0] if person is None else person
        if self.person not in self.town.people:
            raise InputError.of("options", "person", repr(person), nearest_name(self.person, self.town.people))
        self._slot = self.town.people.index(self.person)
        self._others = _behavior_of(others, self.scenario)
        self.render_mode = render_mode
        self._renderer = TownRenderer(self.town, render_mode)
        self.action_mask = mask_option(action_mask)
        self._choices = Choices(self.town, whole_number("commitment_ticks", commitment_ticks, 0))
        actions = len(self.town.action_names)
        self.observation_space = observation_space_of(self.town.observation_schema, actions, self.action_mask)
        self.action_space = spaces.Discrete(actions)
        self._seeded = False
        self._over = True
        shape = (1, len(self.town.people))
        self._action = np.zeros(shape, np.int32)
        self._log_prob, self._value = np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a new episode: a given seed's first, or else the current seed's next. ``options`` are ignored."""
        folded = None if seed is None and self._seeded else town_seed(seed)
        super().reset(seed=None if seed is None else folded)
        self.town.reset(folded)
        self._choices.update()
        self._seeded, self._over = True, False
        return self._observation_and_info()

    def step(self, action: np.int64 | int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Simulate one tick in which the person does ``action`` and the others follow their behaviour.

        Raises InputError for anything that is not an action, and outside an episode.
        """
        if self._over:
            raise no_episode(began=self._seeded)
        mine = one_action(action, len(self.town.action_names))
        self._others.act(self.town, self._action, self._log_prob, self._value)
        self._action[0, self._slot] = self._choices.carried_on(self._slot, mine)
        self.town.step(self._action)
        self._choices.update()
        terminated = bool(self.town.terminated[0, self._slot])
        truncated = not terminated and self.town.tick >= self.scenario.ticks
        self._over = terminated or truncated
        observation, info = self._observation_and_info()
        if self.render_mode == "human":
            self.render()
        return observation, float(self.town.reward[0, self._slot]), terminated, truncated, info

    def render(self) -> Frame:
        """Render the town by ``render_mode``: an image uint8 [H, W, 3], a text, or None after printing the text."""
        return self._renderer.render()

    def action_masks(self) -> NDArray[np.bool_]:
        """Return the actions that are open to the person now, bool [N]; MaskablePPO of sb3-contrib asks for them.

        Raises InputError before the first episode.
        """
        if not self._seeded:
            raise no_episode(began=False)
        masks: NDArray[np.bool_] = self._choices.mask[0, self._slot].copy()
        return masks

    def _observation_and_info(self) -> tuple[Any, dict[str, Any]]:
        mask = self._choices.mask[0, self._slot].astype(np.int8)
        return shown(self.town.observation[0, self._slot].copy(), mask, self.action_mask)


def _behavior_of(given: str | Behavior, scenario: Scenario) -> Behavior:
    """The behaviour of the others. Raises InputError for one that is unknown or needs other observations."""
    if not isinstance(given, str):
        return given
    choice = choose_behavior(scenario, given)
    changed = changed_observations(scenario, choice.scenario)
    if changed:
        needs = ", ".join(f"{name} {str(value).lower()}" for name, value in changed.items())
        raise InputError.of("options", "others", repr(given), f"a behaviour that needs no other observations ({needs})")
    return choice.behavior
