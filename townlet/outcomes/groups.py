"""Outcomes of groups of people in one town, each of its own people alone, whoever else lives there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior
from townlet.config import Scenario
from townlet.metrics import (
    ATTENDANCE,
    COMPLETED_USES,
    CONFLICT_INTENSITY,
    FAINTS,
    NEEDS_OF_RESIDENTS,
    REWARD,
    RIVALRY,
    SUFFERED,
    per_1000_agent_steps,
)
from townlet.outcomes.recorder import OutcomeRecorder, record_outcomes
from townlet.simulation import rivalry_averages
from townlet.world import TALLY

#: Names of the metrics of a group in one world; those of work are left out where nobody of the group has a job.
GROUP_METRICS = (
    REWARD,
    NEEDS_OF_RESIDENTS,
    "needs_mean",
    COMPLETED_USES,
    CONFLICT_INTENSITY,
    SUFFERED,
    "queue_conflict_events_per_1000",
    "waiting_ticks",
    "queueing_mean",
    RIVALRY,
    FAINTS,
    ATTENDANCE,
    "wages",
)

#: Per metric its value in each world, float64 [W].
Values = dict[str, NDArray[np.float64]]

#: Worlds that are simulated side by side.
_BATCH = 64


def group_values(
    behavior: Behavior, scenario: Scenario, groups: Mapping[str, Sequence[int]], *, worlds: int, seed: int
) -> dict[str, Values]:
    """Play one episode in each world, and score each group, the indices of its people, by itself.

    What people cause, suffer, need, earn and wait for is theirs alone. Equal seeds give equal worlds, whoever acts.
    """
    found: dict[str, list[Values]] = {name: [] for name in groups}
    for first in range(0, worlds, _BATCH):
        batch = min(_BATCH, worlds - first)
        recorder = record_outcomes(behavior, scenario, worlds=batch, seed=seed, first_world=first)
        for name, people in groups.items():
            found[name].append(_values_of(recorder, people))
    return {
        name: {metric: np.concatenate([batch[metric] for batch in batches]) for metric in batches[0]}
        for name, batches in found.items()
    }


def _values_of(recorder: OutcomeRecorder, people: Sequence[int]) -> Values:
    """The metrics of some people in each world: their outcomes, and what their tallies say."""
    tally = recorder.town.state.tally[:, list(people)]
    column = {name: tally[..., index] for index, name in enumerate(TALLY)}
    lived = column["alive_ticks"].sum(axis=1)
    steps = np.maximum(lived, 1.0)
    suffered = column["intensity_suffered"].sum(axis=1)
    values = recorder.per_world(people) | {
        REWARD: column["reward"].sum(axis=1) / steps,
        "needs_mean": (column["needs_sum"] / np.maximum(column["alive_ticks"], 1.0)).mean(axis=1),
        SUFFERED: np.array([per_1000_agent_steps(*each) for each in zip(suffered, lived, strict=True)]),
        "waiting_ticks": column["waiting_ticks"].mean(axis=1),
        RIVALRY: np.array([rivalry_averages(world[None])["conflict.rivalry_max_mean_avg"] for world in tally]),
    }
    return {name: values[name] for name in GROUP_METRICS if name in values}
