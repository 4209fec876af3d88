"""Digests of towns that are played at random; run as a program, of the scenarios in JSON on each line of its input."""

from __future__ import annotations

import hashlib
import sys

import numpy as np

from support.any_town import any_actions
from townlet.behavior import HeuristicBehavior, RandomBehavior
from townlet.config import Scenario
from townlet.world import Town, TownState


def play(town: Town, ticks: int) -> str:
    """SHA-256 over the state and observations after each of some ticks.

    Half of the people follow the random behaviour, or the heuristic in every eighth tick; the other half take actions
    of :func:`support.any_town.any_actions`.
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
    """The bytes of all valid values of a state, field by field, without padding."""
    happened = np.arange(state.events.shape[1]) < state.worlds["event_count"][:, None]
    parts = []
    for array in state._replace(events=state.events[happened]):
        names = array.dtype.names
        parts += [array[name].tobytes() for name in names] if names else [array.tobytes()]
    return b"".join(parts)


if __name__ == "__main__":
    for line in sys.stdin:
        print(play(Town(Scenario.model_validate_json(line), worlds=2, seed=5), int(sys.argv[1])))
