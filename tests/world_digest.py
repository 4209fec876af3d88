"""Plays a town at random and prints a hash of all that happened; as a program, so that it can run uncompiled."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np

from townlet.behavior import RandomBehavior
from townlet.config import load_scenario
from townlet.world import Town, TownState

SCENARIOS = Path(__file__).parents[1] / "configs" / "scenarios"


def play(town: Town, ticks: int) -> str:
    """SHA-256 over the state and observations after each of some ticks of random legal actions."""
    behavior = RandomBehavior()
    shape = town.state.people.shape
    action = np.zeros(shape, np.int32)
    log_prob, value = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    digest = hashlib.sha256()
    for _ in range(ticks):
        behavior.act(town, action, log_prob, value)
        town.step(action)
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


if __name__ == "__main__":
    for name in sys.argv[2:]:
        print(name, play(Town(load_scenario(SCENARIOS / f"{name}.yaml"), worlds=2, seed=5), int(sys.argv[1])))
