"""A short trial of whether an environment is a function of its seed and its actions, as exact resumption needs."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from townlet.training.environment.find import Environment
from townlet.training.environment.worlds import EnvironmentWorlds, episode_seed

#: Steps of each episode that are compared, and episodes.
_STEPS, _EPISODES = 64, 2


def why_not_repeatable(environment: Environment, seed: int) -> str | None:
    """A phrase that says where two environments differed under the same seeds and actions; None if they did not.

    The second of them plays the episodes in the other order, so that what an episode leaves behind shows as well: a
    resumed training plays only the episodes that were not over. The trial is short, and finds no chance that enters
    later.
    """
    first, second = (EnvironmentWorlds(environment.name, environment.adapt, 1, seed) for _ in range(2))
    with closing(first), closing(second):
        played = {episode: _fingerprints(first, episode) for episode in range(_EPISODES)}
        again = {episode: _fingerprints(second, episode) for episode in reversed(range(_EPISODES))}
    for episode, fingerprints in played.items():
        if fingerprints != again[episode]:
            pairs = enumerate(zip(fingerprints, again[episode], strict=False))
            step = next((step for step, (one, other) in pairs if one != other), len(fingerprints))
            when = f"step {step}" if step else "the reset"
            return f"{environment.name} is not a function of its seed and its actions: two of them differ in {when}"
    return None


def _fingerprints(worlds: EnvironmentWorlds, episode: int) -> list[int]:
    """The fingerprints of an episode's reset and first steps under actions that its seed and its masks decide."""
    chance = np.random.Generator(np.random.Philox(episode_seed(worlds.seed, 0, episode)))
    worlds.begin(0, episode)
    found = [int(worlds.fingerprint[0])]
    while len(found) <= _STEPS and not worlds.over[0]:
        draws = np.where(worlds.mask[0], chance.random(worlds.mask[0].shape), -1.0)
        worlds.step_one(0, draws.argmax(axis=-1).astype(np.int32))
        found.append(int(worlds.fingerprint[0]))
    return found
