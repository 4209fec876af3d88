"""PettingZoo ``ParallelEnv`` of the town, whose agents are people who come and go."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from townlet.config import Scenario
from townlet.envs.base import TownParallelBase
from townlet.envs.spaces import ActionMask, Step
from townlet.errors import InputError, nearest_name
from townlet.files.storage import AnyPath
from townlet.world.rules.actions import WAIT


class TownParallelEnv(TownParallelBase):
    """A town in which every agent is a person.

    A person who faints is terminated and gone. The newcomer who takes the place is a new agent: ``anna_0`` is followed
    by ``anna_1``, ``anna_2`` and so on. ``possible_agents`` is finite because fainting and arriving take time. At the
    time limit everybody is truncated. If nobody is in town, a step continues to the next arrival.
    """

    _possible: tuple[int, list[str]] = (-1, [])

    @property
    def possible_agents(self) -> list[str]:  # type: ignore[override]
        """Everybody who can appear before the limit: the first people, then their successors in turn."""
        if self._possible[0] != self.limit:
            generations = range(most_generations(self.scenario, self.limit))
            self._possible = self.limit, [_agent(slot, number) for number in generations for slot in self.slots]
        return self._possible[1]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin a new episode; return observations and infos by agent.

        With a seed, it is that seed's first episode. Without one, it is the current seed's next episode, or the first
        of a random seed. ``options`` are ignored.
        """
        self._reset_town(seed)
        self._generations = [0] * len(self.slots)
        self._slot_of: dict[str, int] = {}
        self._admit()
        return self._observe(self._slot_of, gone=set())

    def step(self, actions: dict[str, int]) -> Step:
        """Simulate one tick; the results cover everybody who was present before it, and newcomers.

        Agents without an action wait. Actions of possible agents who are absent are ignored.

        Raises InputError for an unknown agent, for anything that is not an action, and outside an episode.
        """
        self._require_episode()
        present = dict(self._slot_of)
        self._step_town(self._action_array(actions, present))
        rewards = {agent: float(self.town.reward[0, a]) for agent, a in present.items()}
        gone = {agent for agent, a in present.items() if self.town.terminated[0, a]}
        for agent in gone:
            del self._slot_of[agent]
        newcomers = self._admit()
        while not self._slot_of and not self._is_over():
            self._step_town(np.full((1, len(self.slots)), WAIT, np.int32))
            newcomers = self._admit()
        reported = {**present, **newcomers}
        observations, infos = self._observe(reported, gone)
        truncations = {agent: self._is_over() and agent not in gone for agent in reported}
        if self._is_over():
            self.agents = []
        if self.render_mode == "human":
            self.render()
        return (
            observations,
            {**rewards, **dict.fromkeys(newcomers, 0.0)},
            {agent: agent in gone for agent in reported},
            truncations,
            infos,
        )

    def _admit(self) -> dict[str, int]:
        """Make agents of new arrivals, unless the episode is over, and return them with their places."""
        newcomers: dict[str, int] = {}
        taken = set(self._slot_of.values())
        for a in np.flatnonzero(self.town.alive[0]).tolist():
            if a not in taken and not (self.town.tick and self._is_over()):
                newcomers[_agent(self.slots[a], self._generations[a])] = a
                self._generations[a] += 1
        self._slot_of |= newcomers
        self.agents = sorted(self._slot_of, key=self._slot_of.__getitem__)
        return newcomers


def parallel_env(
    scenario: Scenario | AnyPath = "town_day",
    *,
    agents: Literal["people", "slots", "fixed"] = "people",
    render_mode: str | None = None,
    max_cycles: int | None = None,
    action_mask: ActionMask = "observation",
    commitment_ticks: int = 0,
) -> TownParallelBase:
    """Make a town behind PettingZoo's parallel API.

    Args:
        scenario: a scenario, the name of a built-in one, or the path of a YAML file.
        agents: ``people`` makes every person an agent, and agents arrive and leave, as PettingZoo intends
            (:class:`TownParallelEnv`); ``slots`` makes one agent per place in town for the whole episode, which
            terminates when its person faints and goes on (:class:`townlet.envs.slots.SlotParallelEnv`); ``fixed`` is
            the same without terminations, for libraries in which an agent ends only once
            (:class:`townlet.envs.slots.FixedParallelEnv`).
        render_mode: ``rgb_array``, ``ansi`` or ``human``, which prints the text after every step.
        max_cycles: a time limit shorter than the scenario's.
        action_mask: ``observation`` puts the mask into the observation, as in PettingZoo's classic games; ``info`` puts
            it into the info, and observations are plain vectors; ``none`` leaves it out.
        commitment_ticks: ticks after which people reconsider; with 0 they choose in every tick. Otherwise the mask
            leaves one action in ticks without a decision, and that is done whatever was chosen.

    Raises InputError for an unknown scenario or option.
    """
    from townlet.envs.slots import FixedParallelEnv, SlotParallelEnv

    kinds: dict[str, type[TownParallelBase]] = {
        "people": TownParallelEnv,
        "slots": SlotParallelEnv,
        "fixed": FixedParallelEnv,
    }
    if agents not in kinds:
        raise InputError.of("options", "agents", repr(agents), nearest_name(str(agents), kinds))
    return kinds[agents](
        scenario,
        render_mode=render_mode,
        max_cycles=max_cycles,
        action_mask=action_mask,
        commitment_ticks=commitment_ticks,
    )


def most_generations(scenario: Scenario, ticks: int) -> int:
    """Return the largest number of people who can occupy one place, one after another, within ``ticks``.

    Fainting or moving away takes a minimum number of ticks, evictions happen only at the end of a day, and the next
    person arrives ``newcomer_after`` ticks later.
    """
    needs, lifecycle = scenario.rules.needs, scenario.rules.lifecycle
    stay = min(needs.faint_after, lifecycle.departure_after or needs.faint_after)
    evictions = ticks // scenario.ticks_per_day if lifecycle.eviction_debt else 0
    return 1 + ticks // (stay + needs.newcomer_after) + evictions


def _agent(slot: str, number: int) -> str:
    # The number follows the last underscore, so no successor shares a name with another person.
    return f"{slot}_{number}"
