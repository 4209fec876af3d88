"""Changes that are planted in a scenario, so that it is known what the detector should find."""

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
class Plant:
    """One planted change.

    ``variant(cycle, cycles)`` names the altered scenario that a cycle of the night runs (see
    :func:`townlet.study.drift.pools.variant_of`; ``""`` is the unaltered one). ``resource`` alters a measured series,
    float64 [N], of the resource ``metric``. ``metric`` is what should be found to have changed.
    """

    name: str
    meaning: str
    metric: str
    variant: Callable[[int, int], str] = lambda cycle, cycles: ""
    resource: Callable[[Floats], Floats] | None = None


def pressed(scenario: Scenario, factor: float) -> Scenario:
    """The scenario with the weights of all conflicts, and the surcharge per waiting person, times ``factor``.

    A script does not mind: the queue takes the same course, every conflict weighs, hurts and rankles that much more or
    less, and conflict intensity changes by just that factor, as long as no conflict reaches the clamp at 5.
    """
    queue = scenario.rules.queue
    intensity = {name: weight * factor for name, weight in queue.intensity.model_dump().items()}
    return altered(
        scenario, queue={"intensity": intensity, "intensity_per_waiter": queue.intensity_per_waiter * factor}
    )


def forgetting(scenario: Scenario, factor: float) -> Scenario:
    """The scenario with grudges that fade at ``factor`` times the rate."""
    return altered(scenario, rivalry={"decay_per_tick": scenario.rules.rivalry.decay_per_tick * factor})


def slower(scenario: Scenario, object_type: str = "shower") -> Scenario:
    """The scenario with uses of an object that last one tick longer."""
    content = scenario.model_dump(mode="json")
    for use in content["affordances"].values():
        if use["object"] == object_type:
            use["ticks"] += 1
    return Scenario.model_validate(content)


def altered(scenario: Scenario, **sections: dict[str, Any]) -> Scenario:
    """The scenario with some constants of its rules replaced, by section."""
    content = scenario.model_dump(mode="json")
    for section, constants in sections.items():
        content["rules"][section].update(constants)
    return Scenario.model_validate(content)


_LEAK, _LOSS = 0.10, 0.10


def _rising(cycle: int, cycles: int) -> str:
    """Pressure from 0 to +10 % over the night, in steps of 2 %."""
    step = 2 * round(5 * cycle / (cycles - 1))
    return f"pressure {step:+d}" if step else ""


def _leaking(cycle: int, cycles: int) -> str:
    """A rate of forgetting that falls to 75 % over the night, in steps of 5 %."""
    step = 5 * round(5 * cycle / (cycles - 1))
    return f"decay {100 - step}" if step else ""


def _throughout(variant: str) -> Callable[[int, int], str]:
    return lambda cycle, cycles: variant


def _once(variant: str) -> Callable[[int, int], str]:
    return lambda cycle, cycles: variant if cycle == (2 * cycles) // 3 else ""


def _grown(series: Floats) -> Floats:
    return np.asarray(series + series[0] * np.linspace(0.0, _LEAK, len(series)))


def _slowed(series: Floats) -> Floats:
    return np.asarray(series * np.where(np.arange(len(series)) >= len(series) // 2, 1 - _LOSS, 1.0))


PLANTS = (
    *(
        Plant(
            f"pressure {change:+d} %",
            f"conflict intensity {change:+d} % all night",
            CONFLICT_INTENSITY,
            _throughout(f"pressure {change:+d}"),
        )
        for change in (-20, -10, -5, 5, 10, 20)
    ),
    Plant("slower shower", "a shower takes 4 ticks instead of 3", CONFLICT_INTENSITY, _throughout("slower")),
    Plant("leak in rivalry decay", "grudges fade ever more slowly, down to 75 % of the rate", RIVALRY, _leaking),
    Plant("slow trend", "conflict intensity rises from 0 to +10 % over the night", CONFLICT_INTENSITY, _rising),
    Plant(
        "one bad cycle", "conflict intensity +20 % in one cycle of the night", CONFLICT_INTENSITY, _once("pressure +20")
    ),
    Plant("memory leak", f"resident memory grows by {_LEAK:.0%} over the night", MEMORY, resource=_grown),
    Plant("throughput loss", f"{_LOSS:.0%} fewer agent-steps per second in the second half", SPEED, resource=_slowed),
)
