"""Evaluation of a behaviour by what happened to the people: from events, state and tallies, never from rewards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior
from townlet.config import Scenario
from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY, per_1000_agent_steps
from townlet.rollout import aligned_zeros
from townlet.statistics.fairness import jain_index
from townlet.world import TALLY, Town
from townlet.world.state.arrays import WAITING
from townlet.world.state.events import (
    ABSENCE,
    CONFLICT_KINDS,
    CONTESTED_ARRIVAL,
    DEPARTURE,
    EVICTION,
    FAINT,
    LATE_ARRIVAL,
    ON_TIME_ARRIVAL,
    USE_COMPLETED,
)

#: Names of the metrics of an evaluation; :data:`townlet.metrics.METRICS` has the rest.
STUDY_METRICS = (
    CONFLICT_INTENSITY,
    "chosen_intensity_per_1000",
    "tied_intensity_per_1000",
    "queue_conflict_events_per_1000",
    "queue_conflict_intensity_per_100_uses",
    "queue_conflict_events_per_100_uses",
    "needs_mean_of_residents",
    "needs_mean_over_steps",
    "utilisation",
    "washes_per_1000",
    COMPLETED_USES,
    "wait_mean",
    "wait_p95",
    "fairness",
    "attendance",
    "wages",
    "rivalry_max_mean_over_steps",
    "faints_per_1000",
)


def evaluate(
    behavior: Behavior, scenario: Scenario, *, worlds: int, seed: int, focal: Sequence[int] | None = None
) -> dict[str, float]:
    """The metrics of the first episode of each world under a behaviour, over the people in ``focal`` (all by default).

    Under the same seed and scenario every behaviour meets the same people, arrivals of newcomers and outages.
    Utilisation is over everybody, because objects are shared.
    """
    town = Town(scenario, worlds=worlds, seed=seed)
    recorder = _Recorder(town)
    action = aligned_zeros(town.alive.shape, np.int32)
    log_prob, value = aligned_zeros(town.alive.shape, np.float32), aligned_zeros(town.alive.shape, np.float32)
    for _ in range(scenario.ticks):
        behavior.act(town, action, log_prob, value)
        town.step(action)
        recorder.record_tick()
    people = np.arange(len(town.people)) if focal is None else np.asarray(focal)
    return recorder.metrics(people, scenario)


class _Recorder:
    """Counts per world and person that the town's own tallies and counters lack."""

    def __init__(self, town: Town) -> None:
        self.town = town
        kinds = list(town.scenario.object_types)
        self.showers = np.flatnonzero(town.layout.object_type == kinds.index("shower"))
        shape = town.alive.shape
        self.conflicts, self.intensity, self.tied = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.came, self.absent, self.faints, self.washes = (np.zeros(shape) for _ in range(4))
        self.washing = np.zeros(shape)
        self.queued = np.zeros(shape)
        self.gone = np.zeros(shape, np.bool_)
        self.satisfied = np.zeros(shape)
        #: (world, person, ticks queued since the last one) of every completed wash.
        self.waits: list[tuple[int, int, float]] = []
        self.ticks = 0

    def record_tick(self) -> None:
        """Record the tick that has just passed."""
        state = self.town.state
        self.ticks += 1
        at_shower = np.isin(state.people["at_object"], self.showers) & state.alive
        used = state.people["used"]
        washes = np.array([use.object == "shower" for use in self.town.scenario.affordances.values()])
        self.washing += (used >= 0) & washes[np.maximum(used, 0)] & state.alive
        self.queued += at_shower & (state.people["role"] == WAITING)
        self.satisfied += np.where(self.gone | ~state.alive, 0.0, state.people["needs"].mean(axis=-1))
        present = np.arange(state.events.shape[1]) < state.worlds["event_count"][:, None]
        for world, row in zip(*np.nonzero(present), strict=True):
            self._event(int(world), state.events[world, row])

    def _event(self, world: int, event: np.record) -> None:
        kind, actor = int(event["kind"]), int(event["actor"])
        if kind < len(CONFLICT_KINDS):
            self.conflicts[world, actor] += 1.0
            self.intensity[world, actor] += float(event["intensity"])
            self.tied[world, actor] += float(event["intensity"]) * (kind == CONTESTED_ARRIVAL)
        elif kind == USE_COMPLETED and int(event["object"]) in self.showers:
            self.washes[world, actor] += 1.0
            self.waits.append((world, actor, float(self.queued[world, actor])))
            self.queued[world, actor] = 0.0
        elif kind in (ON_TIME_ARRIVAL, LATE_ARRIVAL):
            self.came[world, actor] += 1.0
        elif kind == ABSENCE:
            self.absent[world, actor] += 1.0
        elif kind in (FAINT, EVICTION, DEPARTURE):
            self.faints[world, actor] += kind == FAINT
            # The slot's next person is somebody else.
            self.queued[world, actor] = 0.0
            self.gone[world, actor] = True

    def metrics(self, people: NDArray[np.int64], scenario: Scenario) -> dict[str, float]:
        """The metrics over some of the people."""
        tally = {name: self.town.state.tally[:, people, i].sum() for i, name in enumerate(TALLY)}
        lived = max(float(tally["alive_ticks"]), 1.0)
        uses = max(float(tally["uses_completed"]), 1.0)
        conflicts, intensity, tied = (each[:, people].sum() for each in (self.conflicts, self.intensity, self.tied))
        wanted = set(people.tolist())
        waits = np.array([ticks for _, person, ticks in self.waits if person in wanted] or [float(scenario.ticks)])
        due = self.came[:, people].sum() + self.absent[:, people].sum()
        offered = self.ticks * len(self.showers) * self.town.worlds
        values = {
            CONFLICT_INTENSITY: per_1000_agent_steps(intensity, lived),
            "chosen_intensity_per_1000": per_1000_agent_steps(intensity - tied, lived),
            "tied_intensity_per_1000": per_1000_agent_steps(tied, lived),
            "queue_conflict_events_per_1000": per_1000_agent_steps(conflicts, lived),
            "queue_conflict_intensity_per_100_uses": 100.0 * intensity / uses,
            "queue_conflict_events_per_100_uses": 100.0 * conflicts / uses,
            "needs_mean_of_residents": self.satisfied[:, people].mean() / self.ticks,
            "needs_mean_over_steps": tally["needs_sum"] / lived,
            "utilisation": self.washing.sum() / offered,
            "washes_per_1000": per_1000_agent_steps(self.washes[:, people].sum(), lived),
            COMPLETED_USES: per_1000_agent_steps(tally["uses_completed"], lived),
            "wait_mean": waits.mean(),
            "wait_p95": np.quantile(waits, 0.95),
            "fairness": jain_index(self.washing[:, people]).mean(),
            "attendance": self.came[:, people].sum() / max(due, 1.0),
            "wages": tally["wages_paid"] / lived * scenario.ticks_per_day,
            "rivalry_max_mean_over_steps": tally["rivalry_max_sum"] / lived,
            "faints_per_1000": per_1000_agent_steps(self.faints[:, people].sum(), lived),
        }
        return {name: float(values[name]) for name in STUDY_METRICS}
