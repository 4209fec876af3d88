"""The town, measured: everything it does in a tick, observations, masks, rewards and new episodes included."""

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
    """One batch size of one scenario file, with ``observations`` in place of the scenario's mode.

    Keys: those of :func:`townlet.bench.protocol.measure_rates`, which count living people only; ``bytes_per_world``,
    all that changes; ``worlds``; ``people``; ``features``; ``actions``, the size of the action space; ``protocol``;
    ``machine``. Protocol ``drawn`` takes actions drawn beforehand from the whole action space, in which illegal ones
    count as waiting; ``legal`` draws among the legal ones as part of each tick.
    """
    scenario = with_observations(load_scenario(file), observations)
    town = Town(scenario, worlds=worlds, seed=0)
    town.reset_tallies()
    rates = measure_rates(
        one_tick_of(town, protocol),
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
    """The scenario with another ``observations.mode``; itself without one.

    Raises pydantic.ValidationError for an unknown mode.
    """
    if mode is None:
        return scenario
    section = type(scenario.observations).model_validate({**scenario.observations.model_dump(), "mode": mode})
    return scenario.model_copy(update={"observations": section})


def one_tick_of(town: Town, protocol: str) -> Callable[[], None]:
    """What makes one tick under the protocol's actions, and begins a new episode at the time limit.

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
