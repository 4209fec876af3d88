"""Truth about a rollout of a batch of towns: the same seed and actions, simulated once more without any library."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from known_critic import GAMMA, values
from numpy.typing import NDArray

import townlet


class Truth(NamedTuple):
    """What T ticks of R rows were; R is worlds × places."""

    observation: NDArray[np.float32]
    """What each action was chosen from, float32 [T, R, F]."""
    mask: NDArray[np.bool_]
    """Legal actions, bool [T, R, N]."""
    alive: NDArray[np.bool_]
    """Whether somebody was in the place, bool [T, R]."""
    reward: NDArray[np.float32]
    """float32 [T, R]."""
    terminated: NDArray[np.bool_]
    """bool [T, R]."""
    truncated: NDArray[np.bool_]
    """bool [T, R]."""
    final: NDArray[np.float32]
    """The last observation where a life ended, zeros elsewhere, float32 [T, R, F]."""

    @property
    def newcomers(self) -> NDArray[np.bool_]:
        """First ticks of people who came into an empty place within an episode, bool [T, R]."""
        came = np.zeros_like(self.alive)
        came[1:] = self.alive[1:] & ~self.alive[:-1] & ~self.truncated.any(axis=1)[:-1, None]
        return came


def simulate(scenario: str, worlds: int, seed: int, actions: NDArray[Any]) -> Truth:
    """The truth about ``actions``, integers [T, R], from the seed's first tick on."""
    batch = townlet.vector_env(scenario, worlds=worlds, seed=seed)
    observation, info = batch.reset()
    ticks = []
    for action in actions:
        seen = observation.copy(), info["action_mask"].copy(), info["alive"].copy()
        observation, *results, info = batch.step(action)
        final = np.where(info["_final_obs"][:, None], info["final_obs"], 0) if "final_obs" in info else observation * 0
        ticks.append((*seen, *(part.copy() for part in results), final))
    return Truth(*(np.stack(column) for column in zip(*ticks, strict=True)))


def compare(truth: Truth, observation: NDArray[Any], action: NDArray[Any], returns: NDArray[Any]) -> dict[str, Any]:
    """Compare a library's rollout with the truth, where its critic is :mod:`known_critic`'s.

    Args:
        truth: what happened.
        observation: what the library stored, [T, R, F].
        action: what it stored, [T, R].
        returns: its advantages plus its values, [T, R].

    Returns the parts of a check's result: ``illegal``, ``choices``, ``bootstrapped`` and ``leaving``.
    """
    legal = np.take_along_axis(truth.mask, action[..., None].astype(np.int64), axis=2)[..., 0]
    cut = truth.truncated
    expected = truth.reward[cut] + GAMMA * values(truth.final[cut])
    worst = int(np.abs(returns[cut] - expected).argmax())
    ended, newcomers = truth.terminated, truth.newcomers
    across = float(np.abs(returns[ended] - truth.reward[ended]).max())
    own = (observation[newcomers] == truth.observation[newcomers]).all(axis=1)
    return {
        "illegal": int((~legal & truth.alive).sum()),
        "choices": int(truth.alive.sum()),
        "bootstrapped": {
            "found": float(returns[cut][worst]),
            "expected": float(expected[worst]),
            "ends": int(cut.sum()),
        },
        "leaving": {
            "right": bool(ended.any() and newcomers.any() and across < 1e-4 and own.all()),
            "ends": int(ended.sum()),
            "largest_value_across_an_end": across,
            "newcomers": int(newcomers.sum()),
            "newcomers_with_their_own_first_observation": int(own.sum()),
            "rows_of_empty_places": int((~truth.alive).sum()),
        },
    }
