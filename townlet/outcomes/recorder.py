"""Outcomes of a town: what happened to its people, from events, states and tallies, never from rewards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior
from townlet.config import Scenario
from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY, per_1000_agent_steps
from townlet.outcomes.counting import COUNTS, KIND, MOST_ROWS, PERSON, STAY, TICKS, WASH, WORLD, count_tick
from townlet.outcomes.uses import metric_of_uses, own_affordances, own_columns
from townlet.rollout import aligned_zeros
from townlet.statistics.fairness import jain_index
from townlet.world import TALLY, Town

#: Outcomes that every town has.
OF_EVERY_TOWN = (
    CONFLICT_INTENSITY,
    "chosen_intensity_per_1000",
    "tied_intensity_per_1000",
    "queue_conflict_events_per_1000",
    "queue_conflict_intensity_per_100_uses",
    "queue_conflict_events_per_100_uses",
    "needs_mean_of_residents",
    "needs_mean_over_steps",
    COMPLETED_USES,
    "rivalry_max_mean_over_steps",
    "faints_per_1000",
    "queueing_mean",
    "queueing_p95",
)
#: Outcomes of towns with a shower.
OF_SHOWERS = ("utilisation", "washes_per_1000", "wait_mean", "wait_p95", "fairness")
#: Outcomes of people of whom somebody has a job.
OF_JOBS = ("attendance", "wages")

#: Tallies that outcomes are made of.
_TALLIES = ("alive_ticks", "needs_sum", "rivalry_max_sum", "uses_completed", "wages_paid")
#: The object type whose use is measured.
SHOWER = "shower"


def record_outcomes(
    behavior: Behavior, scenario: Scenario, *, worlds: int, seed: int, first_world: int = 0
) -> OutcomeRecorder:
    """Play one episode in each world under a behaviour and record what happens to the people.

    Under the same seed and scenario every behaviour meets the same people, arrivals of newcomers and perturbations.
    ``first_world`` is the number of the first world under the seed.
    """
    town = Town(scenario, worlds=worlds, seed=seed, first_world=first_world)
    recorder = OutcomeRecorder(town)
    action = aligned_zeros(town.alive.shape, np.int32)
    log_prob, value = aligned_zeros(town.alive.shape, np.float32), aligned_zeros(town.alive.shape, np.float32)
    for _ in range(scenario.ticks):
        behavior.act(town, action, log_prob, value)
        town.step(action)
        recorder.record_tick()
    return recorder


class OutcomeRecorder:
    """What happens to the people of a town, tick by tick, and the outcomes that follow from it.

    It begins with the town's tallies at 0, as a new town has them, and is told after every step. Outcomes are rates and
    means, by the names of :data:`townlet.metrics.METRICS`. Those that do not apply are left out: the outcomes of
    showers in a town without one (``OF_SHOWERS``), those of work among people without a job (``OF_JOBS``). Completed
    uses are also counted by affordance where the object type is one's own; see :mod:`townlet.outcomes.uses`.

    Two pairs measure waiting. ``wait_mean`` and ``wait_p95`` count, for each completed wash, all ticks queued for a
    shower since the last one: the price of a wash, to which attempts that were given up add. Who never gets to wash is
    not in them.

    ``queueing_mean`` and ``queueing_p95`` count every stay in a queue, at any object, whether or not it led to a use. A
    stay begins when somebody joins, and ends when they start a use, leave, leave town, or when the recording ends. Its
    ticks are those after which they were in the queue. Who joins at a free object gets it at once, with a stay of 0
    ticks. Who yields an object or loses it unused, and so is in the queue again, goes on with the same stay; who leaves
    and comes back begins another. If nobody joined a queue, both are 0.
    """

    def __init__(self, town: Town) -> None:
        self.town, state = town, town.state
        kinds = list(town.scenario.object_types)
        shower = kinds.index(SHOWER) if SHOWER in kinds else -1
        self._is_shower = np.asarray(town.layout.object_type == shower)
        self._is_wash = np.array([use.object == SHOWER for use in town.scenario.affordances.values()], np.bool_)
        # As records, whose fields are attributes in uncompiled code, too.
        self._counts = aligned_zeros(town.alive.shape, COUNTS).view(np.recarray).view(np.ndarray)
        self._own = own_affordances(town.scenario)
        self._own_column = own_columns(town.scenario)
        self._own_uses = np.zeros((*town.alive.shape, len(self._own)))
        self._log, self._rows = np.zeros((4096, 4), np.int32), np.zeros(1, np.int64)
        self._most_rows = MOST_ROWS * town.alive.size
        # Plain arrays: records with attributes take longer to pass to compiled code.
        self._watched = (
            state.people.view(np.ndarray),
            state.alive,
            state.events.view(np.ndarray),
            state.worlds["event_count"].view(np.ndarray),
        )
        self.ticks = 0

    def record_tick(self) -> None:
        """Count the tick that has just passed."""
        self.ticks += 1
        used = int(self._rows[0])
        if len(self._log) - used < self._most_rows:
            self._log = np.concatenate([self._log, np.zeros((len(self._log) + self._most_rows, 4), np.int32)])
        kinds = self._is_shower, self._is_wash, self._own_column
        count_tick(*self._watched, *kinds, self._counts, self._own_uses, self._log, self._rows)

    def pooled(self, people: Sequence[int] | None = None) -> dict[str, float]:
        """The outcomes over all worlds together, of some people by their indices, by default of all.

        What these people caused, needed, earned and waited for is theirs alone; ``utilisation`` is over everybody,
        because showers are shared.
        """
        return self._outcomes(slice(None), self._indices(people))

    def per_world(self, people: Sequence[int] | None = None) -> dict[str, NDArray[np.float64]]:
        """The outcomes of each world by itself, float64 [W]; see :meth:`pooled`."""
        indices = self._indices(people)
        each = [self._outcomes(slice(w, w + 1), indices) for w in range(self.town.worlds)]
        return {name: np.array([outcomes[name] for outcomes in each]) for name in each[0]}

    def _indices(self, people: Sequence[int] | None) -> NDArray[np.int64]:
        return np.arange(len(self.town.people)) if people is None else np.asarray(people, np.int64)

    def _outcomes(self, worlds: slice, people: NDArray[np.int64]) -> dict[str, float]:
        tally = {name: self.town.state.tally[worlds][:, people, TALLY.index(name)].sum() for name in _TALLIES}
        values = self._of_every_town(worlds, people, tally) | self._of_own_types(worlds, people, tally)
        if self._is_shower.any():
            values |= self._of_showers(worlds, people, tally)
        if (self.town.layout.workplace[people] >= 0).any():
            values |= self._of_jobs(worlds, people, tally)
        return {name: float(value) for name, value in values.items()}

    def _of_every_town(self, worlds: slice, people: NDArray[np.int64], tally: dict[str, float]) -> dict[str, float]:
        lived, uses = max(float(tally["alive_ticks"]), 1.0), max(float(tally["uses_completed"]), 1.0)
        conflicts, intensity, tied, faints = (
            self._counted(name, worlds, people).sum() for name in ("conflicts", "intensity", "tied", "faints")
        )
        counts = self._counts[worlds][:, people]
        stays = np.concatenate([self._logged(STAY, worlds, people), counts["stay"][counts["staying"]]])
        queueing = stays if len(stays) else np.zeros(1)
        return {
            CONFLICT_INTENSITY: per_1000_agent_steps(intensity, lived),
            "chosen_intensity_per_1000": per_1000_agent_steps(intensity - tied, lived),
            "tied_intensity_per_1000": per_1000_agent_steps(tied, lived),
            "queue_conflict_events_per_1000": per_1000_agent_steps(conflicts, lived),
            "queue_conflict_intensity_per_100_uses": 100.0 * intensity / uses,
            "queue_conflict_events_per_100_uses": 100.0 * conflicts / uses,
            "needs_mean_of_residents": self._counted("satisfied", worlds, people).mean() / max(self.ticks, 1),
            "needs_mean_over_steps": tally["needs_sum"] / lived,
            COMPLETED_USES: per_1000_agent_steps(tally["uses_completed"], lived),
            "rivalry_max_mean_over_steps": tally["rivalry_max_sum"] / lived,
            "faints_per_1000": per_1000_agent_steps(faints, lived),
            "queueing_mean": queueing.mean(),
            "queueing_p95": np.quantile(queueing, 0.95),
        }

    def _of_own_types(self, worlds: slice, people: NDArray[np.int64], tally: dict[str, float]) -> dict[str, float]:
        lived, uses = max(float(tally["alive_ticks"]), 1.0), self._own_uses[worlds][:, people].sum(axis=(0, 1))
        return {
            metric_of_uses(name): per_1000_agent_steps(float(count), lived)
            for name, count in zip(self._own, uses, strict=True)
        }

    def _of_showers(self, worlds: slice, people: NDArray[np.int64], tally: dict[str, float]) -> dict[str, float]:
        washing = np.ascontiguousarray(self._counts["washing"][worlds])
        offered = max(self.ticks, 1) * int(self._is_shower.sum()) * len(washing)
        waits = self._logged(WASH, worlds, people)
        waits = waits if len(waits) else np.array([float(self.ticks)])
        return {
            "utilisation": washing.sum() / offered,
            "washes_per_1000": per_1000_agent_steps(
                self._counted("washes", worlds, people).sum(), max(float(tally["alive_ticks"]), 1.0)
            ),
            "wait_mean": waits.mean(),
            "wait_p95": np.quantile(waits, 0.95),
            "fairness": jain_index(self._counted("washing", worlds, people)).mean(),
        }

    def _of_jobs(self, worlds: slice, people: NDArray[np.int64], tally: dict[str, float]) -> dict[str, float]:
        came, absent = (self._counted(name, worlds, people).sum() for name in ("came", "absent"))
        per_day = self.town.scenario.ticks_per_day
        return {
            "attendance": came / max(came + absent, 1.0),
            "wages": tally["wages_paid"] / max(float(tally["alive_ticks"]), 1.0) * per_day,
        }

    def _counted(self, name: str, worlds: slice, people: NDArray[np.int64]) -> NDArray[np.float64]:
        """One count of some worlds and people, float64 [worlds, people]."""
        counted: NDArray[np.float64] = np.ascontiguousarray(self._counts[name][worlds])[:, people]
        return counted

    def _logged(self, kind: int, worlds: slice, people: NDArray[np.int64]) -> NDArray[np.float64]:
        """The logged ticks of one kind, float64 [rows]."""
        log = self._log[: self._rows[0]]
        first, last, _ = worlds.indices(self.town.worlds)
        wanted = (log[:, KIND] == kind) & (log[:, WORLD] >= first) & (log[:, WORLD] < last)
        wanted &= np.isin(log[:, PERSON], people)
        ticks: NDArray[np.float64] = log[wanted, TICKS].astype(np.float64)
        return ticks
