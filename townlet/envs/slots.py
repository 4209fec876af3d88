"""PettingZoo ``ParallelEnv``s of the town with a fixed number of agents, one per place in town."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

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
        self._step_town(self._action_array(actions, slot_of))
        observations, infos = self._observe_all()
        terminations, truncations = self._ends()
        if self._is_over():
            self.agents = []
        for slot in self.slots:
            infos[slot]["TimeLimit.truncated"] = truncations[slot]
        if self.render_mode == "human":
            self.render()
        return observations, self._by_slot(self.town.reward), terminations, truncations, infos

    def _ends(self) -> tuple[dict[str, bool], dict[str, bool]]:
        """Whose episodes end in this tick: terminations and truncations by agent."""
        terminations = self._by_slot(self.town.terminated)
        return terminations, {slot: self._is_over() and not terminations[slot] for slot in self.slots}

    def _observe_all(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        observations, infos = self._observe({slot: a for a, slot in enumerate(self.slots)}, gone=set())
        for slot, alive in self._by_slot(self.town.alive).items():
            # All infos have the same keys, because libraries take the layout from those of a reset.
            infos[slot] |= {"alive": alive, "TimeLimit.truncated": False}
        return observations, infos

    def _by_slot(self, values: NDArray[Any]) -> dict[str, Any]:
        """The values of the only world, [1, A], by agent."""
        return dict(zip(self.slots, values[0].tolist(), strict=True))


class FixedParallelEnv(SlotParallelEnv):
    """A town in which every agent is a place whose episode ends at the time limit alone.

    It differs from :class:`SlotParallelEnv` only in what it calls an end, and therefore passes PettingZoo's tests:
    ``terminations`` are all False, and at the limit ``truncations`` are all True. A person's faint is in
    ``info["terminated"]``, False in all other ticks. An estimator that does not look there carries the newcomer's value
    over to the person who fainted.
    """

    def _ends(self) -> tuple[dict[str, bool], dict[str, bool]]:
        return dict.fromkeys(self.slots, False), dict.fromkeys(self.slots, self._is_over())

    def _observe_all(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        observations, infos = super()._observe_all()
        for slot, terminated in self._by_slot(self.town.terminated).items():
            infos[slot]["terminated"] = terminated
        return observations, infos
