"""PettingZoo ``ParallelEnv`` of the town with a fixed number of agents, one per place in town."""

from __future__ import annotations

from typing import Any

from townlet.envs.base import TownParallelBase
from townlet.envs.spaces import Step


class SlotParallelEnv(TownParallelBase):
    """A town in which every agent is a place, filled by one person after another.

    SuperSuit, Stable-Baselines3 and skrl need every agent in every step, so ``agents`` stay the same from reset to the
    time limit. In the tick in which a person faints, the agent's ``termination`` is True, as advantage estimators need.
    Contrary to PettingZoo's convention the agent then stays: until the newcomer arrives, it sees zeros, can only wait,
    gets no reward, and ``info["alive"]`` is False. At the limit everybody is truncated, which
    ``info["TimeLimit.truncated"]`` repeats for Stable-Baselines3.
    """

    @property
    def possible_agents(self) -> list[str]:  # type: ignore[override]
        """The places, named after their first people."""
        return self.slots

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin a new episode; see :meth:`townlet.envs.parallel.TownParallelEnv.reset`."""
        self._reset_town(seed)
        self.agents = list(self.slots)
        return self._observe_all()

    def step(self, actions: dict[str, int]) -> Step:
        """Simulate one tick; the results cover every agent.

        Raises InputError for anything that is not an action, and outside an episode.
        """
        self._require_episode()
        slot_of = {slot: a for a, slot in enumerate(self.slots)}
        self.town.step(self._action_array(actions, slot_of))
        observations, infos = self._observe_all()
        terminations = dict(zip(self.slots, self.town.terminated[0].tolist(), strict=True))
        truncations = {slot: self._is_over() and not terminations[slot] for slot in self.slots}
        if self._is_over():
            self.agents = []
        for slot in self.slots:
            infos[slot]["TimeLimit.truncated"] = truncations[slot]
        if self.render_mode == "human":
            self.render()
        rewards = dict(zip(self.slots, self.town.reward[0].tolist(), strict=True))
        return observations, rewards, terminations, truncations, infos

    def _observe_all(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        observations, infos = self._observe({slot: a for a, slot in enumerate(self.slots)}, gone=set())
        for slot, alive in zip(self.slots, self.town.alive[0].tolist(), strict=True):
            # All infos have the same keys, because libraries take the layout from those of a reset.
            infos[slot] |= {"alive": alive, "TimeLimit.truncated": False}
        return observations, infos
