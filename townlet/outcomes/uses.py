"""Completed uses by affordance, for the object types of one's own: those that none of Townlet's scenarios has.

Files about towns with no other types keep the bytes that they had before these were counted.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from townlet.config import Scenario
from townlet.metrics import COMPLETED_USES, METRICS, Metric
from townlet.world.state.events import USE_COMPLETED

#: Object types in the scenarios and the drawn towns that come with Townlet.
KNOWN_TYPES = frozenset(("bed", "counter", "desk", "fridge", "shelf", "shower", "stove"))


def own_affordances(scenario: Scenario) -> list[str]:
    """Names of the affordances whose object type is one's own, in the scenario's order."""
    return [name for name, use in scenario.affordances.items() if use.object not in KNOWN_TYPES]


def own_columns(scenario: Scenario) -> NDArray[np.int64]:
    """For each affordance its place among :func:`own_affordances`, or -1, int64 [U]."""
    own = own_affordances(scenario)
    return np.array([own.index(name) if name in own else -1 for name in scenario.affordances], np.int64)


def uses_by_affordance(events: Iterable[NDArray[np.void]], scenario: Scenario) -> dict[str, int]:
    """Count the completed uses of one's own affordances in arrays of EVENT."""
    own = own_affordances(scenario)
    if not own:
        return {}
    counts = np.zeros(len(scenario.affordances), np.int64)
    for each in events:
        counts += np.bincount(each["detail"][each["kind"] == USE_COMPLETED], minlength=len(counts))
    return {name: int(count) for name, count in zip(scenario.affordances, counts, strict=True) if name in own}


def metric_of_uses(affordance: str) -> str:
    """The name of the metric of an affordance's completed uses."""
    return f"{COMPLETED_USES}.{affordance}"


def metric_named(name: str) -> Metric:
    """The registered metric of a name, or that of an affordance's completed uses."""
    whole, dot, affordance = name.partition(".")
    if not dot:
        return METRICS[name]
    metric = METRICS[whole]
    return metric._replace(
        name=name, label=f"{metric.label} of {affordance}", meaning=f"uses of {affordance} that ran to their end"
    )
