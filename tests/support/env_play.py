"""Scenarios of the environments' tests, and people who act at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from support.towns import shower_room
from townlet.config import Scenario, load_scenario
from townlet.config.find import builtin_scenarios, find_scenario

#: Built-in scenarios small enough for PettingZoo's own tests.
SCENARIOS = [name for name in builtin_scenarios() if len(load_scenario(find_scenario(name)).people) <= 16]


def hard_times(**changes: Any) -> Scenario:
    """A town in which nobody stays: all initial people faint at the same tick, and so do their successors."""
    return shower_room(
        ticks=60, rules={"needs": {"decay": {"hygiene": 0.3}, "faint_after": 4, "newcomer_after": 3}}, **changes
    )


def mask_of(observation: Any, info: dict[str, Any]) -> np.ndarray:
    """An agent's mask, from wherever it is; it is in one place."""
    places = [found for found in (observation, info) if isinstance(found, dict) and "action_mask" in found]
    (place,) = places
    return place["action_mask"]


def random_actions(environment: Any, observations: dict[str, Any], infos: dict[str, Any]) -> dict[str, int]:
    """A random legal action for everybody, drawn by the spaces' own generators."""
    return {
        agent: environment.action_space(agent).sample(mask_of(observations[agent], infos[agent]))
        for agent in environment.agents
    }


def play(environment: Any, seed: int, each: Callable[..., None], ticks: int = 10**9) -> None:
    """Play one episode with random legal actions; ``each`` receives the five dictionaries of every step."""
    observations, infos = environment.reset(seed=seed)
    for agent in environment.possible_agents:
        environment.action_space(agent).seed(seed)
    while environment.agents and ticks > 0:
        outcome = environment.step(random_actions(environment, observations, infos))
        observations, infos, ticks = outcome[0], outcome[-1], ticks - 1
        each(*outcome)


def legal_draw(mask: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw a random legal action, int64 [N], for each row of a mask, bool [N, A]."""
    return np.where(mask, generator.random(mask.shape), -1.0).argmax(axis=1)
