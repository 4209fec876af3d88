"""The simulation loop: steps a batch of worlds under a behaviour and fills a rollout buffer."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import Behavior, act_within
from townlet.behavior.memory import recall
from townlet.config import Scenario
from townlet.host.workers import workers
from townlet.rollout import RolloutBuffer
from townlet.world import CONFLICT_KINDS, COUNTERS, TALLY, Town


class SimulationLoop:
    """Steps a batch of worlds of one scenario, resets it at the time limit, and goes on from rollout to rollout.

    ``threads`` threads divide the worlds between them. Worlds are independent, so this does not change what happens in
    them. Only a network that torch computes rounds differently depending on the number of rows it receives at once.
    """

    def __init__(self, scenario: Scenario, *, worlds: int, seed: int, first_world: int = 0, threads: int = 1) -> None:
        self.scenario = scenario
        self._workers = workers(threads)
        self.town = Town(scenario, worlds=worlds, seed=seed, first_world=first_world)

    def new_buffer(self, ticks: int, state_units: int = 0) -> RolloutBuffer:
        """An empty buffer for ``ticks`` ticks of this loop, with hidden states of ``state_units`` numbers."""
        town = self.town
        shape = ticks, town.worlds, len(town.people), len(town.observation_schema), len(town.action_names)
        return RolloutBuffer(*shape, state_units)

    def collect(
        self,
        buffer: RolloutBuffer,
        behavior: Behavior,
        after_tick: Callable[[Town, int], None] | None = None,
    ) -> None:
        """Fill the buffer with the next ticks.

        At the scenario's time limit all worlds are truncated and begin a new episode. Afterwards the town's tallies
        cover exactly these ticks.

        Args:
            buffer: filled from its first tick to its last.
            behavior: chooses the actions. Only if it has a true attribute ``concurrent`` can several threads call it,
                each for some of the worlds.
            after_tick: called with the town and the index of each tick, before any reset; everything then runs in one
                thread.
        """
        town = self.town
        town.reset_tallies()
        cuts: dict[int, list[tuple[int, NDArray[np.float32]]]] = {}

        def collect_part(_: int, worlds: slice) -> None:
            part = town if worlds == slice(0, town.worlds) else town.part(worlds)
            cuts[worlds.start] = self._collect(part, worlds, buffer, behavior, after_tick)

        if after_tick is None and getattr(behavior, "concurrent", False):
            self._workers.share(town.worlds, collect_part)
        else:
            collect_part(0, slice(0, town.worlds))
        parts = [cuts[first] for first in sorted(cuts)]
        buffer.cut_ticks[:] = [tick for tick, _ in parts[0]]
        buffer.cut_observation[:] = [np.concatenate([part for _, part in cut]) for cut in zip(*parts, strict=True)]
        buffer.totals = telemetry_totals(town.state.tally, town.state.counter)

    def _collect(
        self,
        town: Town,
        worlds: slice,
        buffer: RolloutBuffer,
        behavior: Behavior,
        after_tick: Callable[[Town, int], None] | None,
    ) -> list[tuple[int, NDArray[np.float32]]]:
        """Fill the buffer's part for ``worlds``, the worlds of ``town``.

        Returns each tick after which trajectories are cut, with the observation at that moment, float32 [worlds, A, F].
        """
        cuts = []
        for t in range(buffer.ticks):
            buffer.observation[t, worlds] = town.observation
            buffer.alive[t, worlds] = town.alive
            action = buffer.action[t, worlds]
            log_prob, value = buffer.log_prob[t, worlds], buffer.value[t, worlds]
            recall(behavior, town, buffer.state[t, worlds])
            act_within(behavior, town, buffer.mask[t, worlds], action, log_prob, value)
            town.step(action)
            buffer.reward[t, worlds] = town.reward
            buffer.reward_parts[t, worlds] = town.state.reward_parts
            buffer.clipped[t, worlds] = town.state.clipped
            buffer.terminated[t, worlds] = town.terminated
            if after_tick:
                after_tick(town, t)
            at_limit = town.tick == self.scenario.ticks
            buffer.truncated[t, worlds] = buffer.alive[t, worlds] & ~buffer.terminated[t, worlds] if at_limit else False
            if at_limit or t == buffer.ticks - 1:
                cuts.append((t, town.observation.copy()))
            if at_limit:
                town.reset()
        return cuts


def telemetry_totals(tally: NDArray[np.float64], counters: NDArray[np.float64]) -> dict[str, float]:
    """Event totals and rivalry averages under their telemetry names.

    ``tally`` is float64 [W, A, TALLY], ``counters`` float64 [W, COUNTERS], of any number of worlds.
    """
    counter = dict(zip(COUNTERS, counters.sum(axis=0).tolist(), strict=True))
    return {
        **rivalry_averages(tally),
        "queue_conflict_events": sum(counter[kind] for kind in CONFLICT_KINDS),
        "queue_conflict_intensity_sum": counter["conflict_intensity"],
        "shared_meal_events": counter["shared_meal"],
        "late_help_events": counter["late_help"],
        "shift_takeover_events": counter["shift_takeover"],
        "chat_success_events": counter["chat_success"],
        "chat_failure_events": counter["chat_failure"],
        "chat_quality_mean": counter["chat_quality_sum"] / max(counter["chat_success"], 1.0),
        "utility_outage_events": counter["power_outage"] + counter["water_outage"],
        "shower_complete_events": counter["shower_complete"],
        "sleep_complete_events": counter["sleep_complete"],
        "use_complete_events": counter["use_completed"],
    }


def inactive_counters(scenario: Scenario) -> dict[str, str]:
    """Telemetry counters that are always 0 in this scenario because their rule is off, each with the reason.

    Other counters may be 0 as well, if nothing of their kind happened.
    """
    rules, uses = scenario.rules, scenario.affordances.values()
    perturbations, counted = rules.perturbations, {use.counts_as for use in uses}
    alone = (len(scenario.people) == 1, "there is nobody else")
    no_ties = (rules.relationships.max_ties == 0, "rules.relationships.max_ties is 0")
    no_jobs = (not scenario.jobs, "nobody has a job")
    no_meals = (not rules.relationships.shared_meals, "rules.relationships.shared_meals is false")
    no_food = (not any(use.meal for use in uses), "no affordance has meal: true")
    no_help = (not rules.employment.late_help, "rules.employment.late_help is false")
    no_takeover = (not rules.employment.takeover, "rules.employment.takeover is false")
    no_outage = (
        perturbations.power_outage.per_day == perturbations.water_outage.per_day == 0.0,
        "rules.perturbations: no outage has a probability above 0",
    )
    conditions = {
        "shared_meal_events": [no_ties, no_meals, no_food, alone],
        "late_help_events": [no_ties, no_help, no_jobs, alone],
        "shift_takeover_events": [no_takeover, no_jobs, alone],
        "chat_success_events": [no_ties, alone],
        "chat_failure_events": [no_ties, alone],
        "chat_quality_mean": [no_ties, alone],
        "utility_outage_events": [no_outage],
        "shower_complete_events": [_uncounted("shower_complete", counted)],
        "sleep_complete_events": [_uncounted("sleep_complete", counted)],
    }
    return {
        counter: next(reason for off, reason in reasons if off)
        for counter, reasons in conditions.items()
        if any(off for off, _ in reasons)
    }


def _uncounted(counter: str, counted: Collection[str | None]) -> tuple[bool, str]:
    return counter not in counted, f"no affordance has counts_as: {counter}"


def rivalry_averages(tally: NDArray[np.float64]) -> dict[str, float]:
    """The four ``conflict.*`` telemetry fields: averages over agents, from tallies, float64 [W, A, TALLY]."""
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
