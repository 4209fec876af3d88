"""Changes planted in a scenario or in measured resources: what the detector should find is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.config import Scenario
from townlet.metrics import CONFLICT_INTENSITY, MEMORY, RIVALRY, SPEED

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PlantedChange:
    """One planted change, of the scenario's rules or of a measured resource."""

    name: str
    meaning: str
    metric: str
    """The metric that should be flagged."""
    variant: Callable[[int, int], str] = lambda cycle, cycles: ""
    """Name of the altered scenario that a cycle of the night runs, from the cycle and the number of cycles; empty for
    the unaltered one. See :func:`townlet.study.drift.cycle_pools.variant_of`."""
    resource: Callable[[Floats], Floats] | None = None
    """Changes a measured series, float64 [N], of the resource ``metric``."""


def with_conflict_weights(scenario: Scenario, factor: float) -> Scenario:
    """The scenario with the weights of all conflicts, and the surcharge per waiting person, times ``factor``.

    Scripted people act as before, so the queue takes the same course, and conflict intensity changes by exactly that
    factor, as long as no conflict reaches the clamp at 5.
    """
    queue = scenario.rules.queue
    intensity = {name: weight * factor for name, weight in queue.intensity.model_dump().items()}
    return with_rules(
        scenario, queue={"intensity": intensity, "intensity_per_waiter": queue.intensity_per_waiter * factor}
    )


def with_grudge_decay(scenario: Scenario, factor: float) -> Scenario:
    """The scenario with grudges that fade at ``factor`` times the usual rate."""
    return with_rules(scenario, rivalry={"decay_per_tick": scenario.rules.rivalry.decay_per_tick * factor})


def with_slower_uses(scenario: Scenario, object_type: str = "shower") -> Scenario:
    """The scenario with uses of a type of object that last one tick longer."""
    content = scenario.model_dump(mode="json")
    for use in content["affordances"].values():
        if use["object"] == object_type:
            use["ticks"] += 1
    return Scenario.model_validate(content)


def with_rules(scenario: Scenario, **sections: dict[str, Any]) -> Scenario:
    """The scenario with some constants of its rules replaced, by section."""
    content = scenario.model_dump(mode="json")
    for section, constants in sections.items():
        content["rules"][section].update(constants)
    return Scenario.model_validate(content)


#: Bytes that a planted leak takes in each cycle, and the share of speed that is lost.
_LEAK, _LOSS = 1e6, 0.10


def _rising_pressure(cycle: int, cycles: int) -> str:
    """Pressure from 0 to +10 % over the night, in steps of 2 %."""
    step = 2 * round(5 * cycle / (cycles - 1))
    return f"pressure {step:+d}" if step else ""


def _falling_decay(cycle: int, cycles: int) -> str:
    """A decay of grudges that falls to 75 % of its rate over the night, in steps of 5 %."""
    step = 5 * round(5 * cycle / (cycles - 1))
    return f"decay {100 - step}" if step else ""


def _throughout(variant: str) -> Callable[[int, int], str]:
    return lambda cycle, cycles: variant


def _once(variant: str) -> Callable[[int, int], str]:
    return lambda cycle, cycles: variant if cycle == (2 * cycles) // 3 else ""


def _growing_memory(series: Floats) -> Floats:
    return np.asarray(series + _LEAK * np.arange(len(series)))


def _slower_second_half(series: Floats) -> Floats:
    return np.asarray(series * np.where(np.arange(len(series)) >= len(series) // 2, 1 - _LOSS, 1.0))


def _ever_slower(series: Floats) -> Floats:
    return np.asarray(series * np.linspace(1.0, 1 - _LOSS, len(series)))


PLANTED_CHANGES = (
    *(
        PlantedChange(
            f"pressure {change:+d} %",
            f"conflict intensity {change:+d} % all night",
            CONFLICT_INTENSITY,
            _throughout(f"pressure {change:+d}"),
        )
        for change in (-10, -5, 5, 10)
    ),
    PlantedChange("slower shower", "a shower takes 4 ticks instead of 3", CONFLICT_INTENSITY, _throughout("slower")),
    PlantedChange(
        "leak in rivalry decay", "grudges fade ever more slowly, down to 75 % of the rate", RIVALRY, _falling_decay
    ),
    PlantedChange(
        "slow trend", "conflict intensity rises from 0 to +10 % over the night", CONFLICT_INTENSITY, _rising_pressure
    ),
    PlantedChange(
        "one bad cycle", "conflict intensity +20 % in one cycle of the night", CONFLICT_INTENSITY, _once("pressure +20")
    ),
    PlantedChange("memory leak", "resident memory grows by 1 MB a cycle", MEMORY, resource=_growing_memory),
    PlantedChange("speed lost at once", "10 % of speed lost for the second half", SPEED, resource=_slower_second_half),
    PlantedChange("speed lost slowly", "10 % of speed lost little by little", SPEED, resource=_ever_slower),
)
