"""Plays a town at random and hashes all that happened; as a program for the JSON of scenarios, one on each line."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
from any_town import any_actions
from numpy.typing import NDArray

from townlet.behavior import HeuristicBehavior, RandomBehavior
from townlet.config import Scenario
from townlet.world import Town, TownState
from townlet.world.compile import COMPILED

SCENARIOS = Path(__file__).parents[1] / "configs" / "scenarios"


def play(town: Town, ticks: int) -> str:
    """SHA-256 over the state and observations after each of some ticks.

    Half of the people do something legal at random, in every eighth tick something sensible, the others mostly what
    people are more likely to do.
    """
    behaviors = *7 * (RandomBehavior(),), HeuristicBehavior()
    shape = town.state.people.shape
    action = np.zeros(shape, np.int32)
    log_prob, value = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    digest = hashlib.sha256()
    for tick in range(ticks):
        behaviors[tick % 8].act(town, action, log_prob, value)
        rng = np.random.default_rng(town.state.worlds[0].clock)
        town.step(np.where(rng.random(shape) < 0.5, action, any_actions(town, rng)))
        digest.update(bytes_of(town.state))
    return digest.hexdigest()


def bytes_of(state: TownState) -> bytes:
    """All valid values of a state, field by field, without the padding between the fields."""
    happened = np.arange(state.events.shape[1]) < state.worlds["event_count"][:, None]
    parts = []
    for array in state._replace(events=state.events[happened]):
        names = array.dtype.names
        parts += [array[name].tobytes() for name in names] if names else [array.tobytes()]
    return b"".join(parts)


class _FromTheStart:
    """An array that cannot be indexed from its end: compiled rules would read or write beside it."""

    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(_counted_from_the_start(index))  # type: ignore[misc]

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(_counted_from_the_start(index), value)  # type: ignore[misc]


class _Plain(_FromTheStart, np.ndarray):
    pass


class _Records(_FromTheStart, np.recarray):
    pass


def _counted_from_the_start(index: Any) -> Any:
    numbers = [each for each in np.atleast_1d(np.array(index, object)) if isinstance(each, int | np.integer)]
    if any(number < 0 for number in numbers):
        raise IndexError(f"found index {index}")
    return index


def strict(town: Town) -> Town:
    """The town, whose rules run as plain Python, with arrays that refuse to be indexed from the end."""
    parts = [
        type(part)(*(each.view(_strict_kind(each)) if isinstance(each, np.ndarray) else each for each in part))
        for part in (town.state, town.layout, town.view)
    ]
    town.state, town.layout, town.view = parts
    town._handle = tuple(parts)
    return town


def _strict_kind(array: NDArray[Any]) -> type[NDArray[Any]]:
    return _Records if isinstance(array, np.recarray) else _Plain


if __name__ == "__main__":
    for line in sys.stdin:
        town = Town(Scenario.model_validate_json(line), worlds=2, seed=5)
        print(play(town if COMPILED else strict(town), int(sys.argv[1])))
