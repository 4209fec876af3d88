"""The simulation loop: a batch of towns and a behaviour, tick by tick, into a rollout buffer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import Behavior
from townlet.config import Scenario
from townlet.rollout import RolloutBuffer, aligned_zeros
from townlet.world import CONFLICT_KINDS, COUNTERS, TALLY, Town

#: Telemetry counters that no rule feeds yet, and why; they are 0.
INACTIVE_COUNTERS = {
    "shared_meal_events": "no rule for shared meals",
    "late_help_events": "no rule for waking a late colleague",
    "shift_takeover_events": "no rule for covering a colleague's shift",
    "chat_success_events": "no rule for chats",
    "chat_failure_events": "no rule for chats",
    "chat_quality_mean": "no rule for chats",
    "utility_outage_events": "no rule for outages",
}


class SimulationLoop:
    """A batch of worlds of one scenario that is stepped, reset at the time limit, and reused between captures."""

    def __init__(self, scenario: Scenario, *, worlds: int, seed: int, first_world: int = 0) -> None:
        self.scenario = scenario
        self.town = Town(scenario, worlds=worlds, seed=seed, first_world=first_world)
        shape = (worlds, len(self.town.people))
        self._action: NDArray[np.int32] = aligned_zeros(shape, np.int32)

    def new_buffer(self, ticks: int) -> RolloutBuffer:
        """An empty buffer of the right shape for ``ticks`` ticks of this loop."""
        town = self.town
        return RolloutBuffer(ticks, town.worlds, len(town.people), len(town.observation_schema), len(town.action_names))

    def collect(
        self,
        buffer: RolloutBuffer,
        behavior: Behavior,
        after_tick: Callable[[Town, int], None] | None = None,
    ) -> None:
        """Fill the buffer with the ticks that follow, from where the loop stands.

        At the scenario's time limit all worlds are truncated and begin a new episode. ``after_tick`` is called with
        the town and the index of each tick, before any reset, to record that tick's events. The tallies of the town
        afterwards cover just this data.
        """
        town = self.town
        town.reset_tallies()
        buffer.cut_ticks.clear()
        buffer.cut_observation.clear()
        for t in range(buffer.ticks):
            buffer.observation[t] = town.observation
            buffer.mask[t] = town.mask
            buffer.alive[t] = town.state.people["alive"]
            behavior.act(town, buffer.action[t], buffer.log_prob[t], buffer.value[t])
            town.step(buffer.action[t])
            people = town.state.people
            buffer.reward[t] = people["reward"]
            buffer.reward_parts[t] = people["reward_parts"]
            buffer.clipped[t] = people["clipped"]
            buffer.terminated[t] = people["terminated"]
            if after_tick:
                after_tick(town, t)
            at_limit = town.tick == self.scenario.ticks
            buffer.truncated[t] = buffer.alive[t] & ~buffer.terminated[t] if at_limit else False
            if at_limit or t == buffer.ticks - 1:
                buffer.cut_ticks.append(t)
                buffer.cut_observation.append(town.observation.copy())
            if at_limit:
                town.reset()
        buffer.totals = telemetry_totals(town.state.tally, town.state.counter)


def telemetry_totals(tally: NDArray[np.float64], counters: NDArray[np.float64]) -> dict[str, float]:
    """Event totals and rivalry averages, under their telemetry names.

    From the tallies, float64 [W, A, TALLY], and counters, float64 [W, COUNTERS], of any number of worlds.
    """
    counter = dict(zip(COUNTERS, counters.sum(axis=0).tolist(), strict=True))
    return {
        **rivalry_averages(tally),
        "queue_conflict_events": sum(counter[kind] for kind in CONFLICT_KINDS),
        "queue_conflict_intensity_sum": counter["conflict_intensity"],
        **dict.fromkeys(INACTIVE_COUNTERS, 0.0),
        "shower_complete_events": counter["shower_complete"],
        "sleep_complete_events": counter["sleep_complete"],
    }


def rivalry_averages(tally: NDArray[np.float64]) -> dict[str, float]:
    """The four ``conflict.*`` telemetry fields from tallies, float64 [W, A, TALLY]: per agent, then averaged."""
    column = {name: tally[..., index] for index, name in enumerate(TALLY)}
    present = column["alive_ticks"] > 0
    if not present.any():
        present = np.ones_like(present)
    ticks = np.maximum(column["alive_ticks"], 1.0)
    return {
        "conflict.rivalry_max_mean_avg": float((column["rivalry_max_sum"] / ticks)[present].mean()),
        "conflict.rivalry_max_max_avg": float(column["rivalry_max_max"][present].mean()),
        "conflict.rivalry_avoid_count_mean_avg": float((column["avoid_count_sum"] / ticks)[present].mean()),
        "conflict.rivalry_avoid_count_max_avg": float(column["avoid_count_max"][present].mean()),
    }
