"""Speed of the town: everything in a tick, with observations, masks, rewards and new episodes."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Any

import numpy as np

from townlet.behavior.random import RandomBehavior
from townlet.bench.protocol import cycle_rows, drawn_actions, machine, measure_rates
from townlet.config import Scenario, load_scenario
from townlet.rollout import aligned_zeros
from townlet.world import TALLY, Town


def measure_town(
    file: str, worlds: int, observations: str | None, protocol: str, seconds: float, repeats: int
) -> dict[str, Any]:
    """Measure one batch size of one scenario.

    Args:
        file: the scenario's file.
        worlds: batch size.
        observations: mode in place of the scenario's own.
        protocol: ``drawn`` takes actions drawn beforehand from the whole action space, where illegal ones count as
            waiting; ``legal`` draws among the legal ones as part of each tick.
        seconds: approximate length of a repeat.
        repeats: number of timed repeats.

    Returns the keys of :func:`townlet.bench.protocol.measure_rates`, for the agent-steps of living people only;
    ``bytes_per_world``, the size of all arrays that change; ``worlds``; ``people``; ``features``; ``actions``, the size
    of the action space; ``protocol``; ``machine``.
    """
    scenario = with_observations(load_scenario(file), observations)
    town = Town(scenario, worlds=worlds, seed=0)
    town.reset_tallies()
    rates = measure_rates(
        tick_function(town, protocol),
        lambda: float(town.state.tally[..., TALLY.index("alive_ticks")].sum()),
        seconds=seconds,
        repeats=repeats,
        period=scenario.ticks,
    )
    return {
        **rates,
        "bytes_per_world": sum(array.nbytes for array in town.state) // worlds,
        "worlds": worlds,
        "people": len(town.people),
        "features": len(town.observation_schema),
        "actions": len(town.action_names),
        "protocol": protocol,
        "machine": {**machine(), "numba": importlib.metadata.version("numba")},
    }


def with_observations(scenario: Scenario, mode: str | None) -> Scenario:
    """The scenario as benchmarks measure it: without offers, and with another ``observations.mode`` unless it is None.

    Without offers, figures of towns with and without them can be compared.

    Raises pydantic.ValidationError for an unknown mode.
    """
    given = {"offers": False} if mode is None else {"offers": False, "mode": mode}
    section = type(scenario.observations).model_validate({**scenario.observations.model_dump(), **given})
    return scenario.model_copy(update={"observations": section})


def tick_function(town: Town, protocol: str) -> Callable[[], None]:
    """A function that makes one tick with the protocol's actions, and resets the town at the time limit.

    Raises ValueError for an unknown protocol.
    """
    limit = town.scenario.ticks
    shape = (town.worlds, len(town.people))
    if protocol == "drawn":
        rows = cycle_rows(drawn_actions(len(town.action_names), shape))

        def step_drawn() -> None:
            town.step(next(rows))
            if town.tick == limit:
                town.reset()

        return step_drawn
    if protocol != "legal":
        raise ValueError(f"found protocol {protocol!r}, expected 'drawn' or 'legal'")
    behavior = RandomBehavior()
    action, log_prob, value = (aligned_zeros(shape, dtype) for dtype in (np.int32, np.float32, np.float32))

    def step_legal() -> None:
        behavior.act(town, action, log_prob, value)
        town.step(action)
        if town.tick == limit:
            town.reset()

    return step_legal
