"""Evaluation of a policy in an environment that is not a town, beside random play in the very same episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior, RandomBehavior
from townlet.behavior.neural import NeuralBehavior
from townlet.behavior.policy_file import card_file, load_policy
from townlet.errors import InputError
from townlet.files.storage import AnyPath, pretty_json, write_atomically
from townlet.host.torch_settings import repeatable
from townlet.rollout import aligned_zeros
from townlet.statistics.intervals import student_interval
from townlet.training.environment.failure import EnvironmentFailed
from townlet.training.environment.find import Environment, find_environment
from townlet.training.environment.fit import require_fit
from townlet.training.environment.worlds import EnvironmentWorlds

#: Where the search for a seed that was not trained with begins.
FIRST_SEED = 1_000_000
FORMAT, VERSION = "townlet-environment-evaluation", 1
#: The most steps of an episode.
LONGEST = 100_000
#: Environments that run side by side.
_BATCH = 16

Progress = Callable[[int, int, str], None]


def evaluate_in_environment(
    policy: AnyPath,
    environment: Environment | str | Callable[..., Any],
    *,
    episodes: int = 100,
    seed: int | None = None,
    greedy: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Play whole episodes by a policy and at random, both from the same seeds.

    An episode's return is the undiscounted sum of its rewards; of an environment with several agents, the mean over
    those that took part. Every episode has a seed of its own.

    Args:
        policy: folder, file or name of the policy, which was trained with the same observations and actions.
        environment: where it acts, or its name, or the class or function that makes it.
        episodes: their number, at least 2.
        seed: of the episodes; by default the first from 1,000,000 on that the policy was not trained with.
        greedy: whether the policy takes its most probable action instead of drawing one.
        progress: called with the episodes done, those in all, and who acts.

    Returns an object for :func:`write_evaluation`: per behaviour the mean with its 95 % interval (Student's t), the
    same of the policy's difference from random play, and the return and length of each episode.

    Raises InputError for unusable options and for a policy that does not fit; and EnvironmentFailed, also for an
    episode that does not end within 100,000 steps.
    """
    if episodes < 2:
        raise InputError.of("options", "--episodes", str(episodes), "at least 2: an interval needs a spread")
    network, card = load_policy(policy)
    chosen = _held_out(seed, int(str(card.provenance.get("seed", 0))))
    if not isinstance(environment, Environment):
        environment = find_environment(environment)
    worlds = EnvironmentWorlds(environment.name, environment.adapt, min(_BATCH, episodes), chosen)
    with closing(worlds), repeatable():
        require_fit(card, worlds, card_file(policy))
        behaviors: dict[str, Behavior] = {"policy": NeuralBehavior(network, greedy=greedy), "random": RandomBehavior()}
        played = {}
        for index, (name, behavior) in enumerate(behaviors.items()):

            def advance(done: int, index: int = index, name: str = name) -> None:
                if progress:
                    progress(index * episodes + done, len(behaviors) * episodes, name)

            played[name] = _play(worlds, name, behavior, episodes, advance)
    returns = {name: found[0] for name, found in played.items()}
    return {
        "format": FORMAT,
        "version": VERSION,
        "environment": environment.origin,
        "policy_sha256": card.sha256,
        "greedy": greedy,
        "seed": chosen,
        "episodes": episodes,
        "returns": {name: _interval(values) for name, values in returns.items()},
        "policy_minus_random": _interval(returns["policy"] - returns["random"]),
        "steps": {name: float(found[1].mean()) for name, found in played.items()},
        "values": {name: {"return": v.tolist(), "steps": n.tolist()} for name, (v, n) in played.items()},
    }


def _held_out(seed: int | None, used: int) -> int:
    """The seed of an evaluation of a policy that was trained with the seed ``used``."""
    chosen = seed if seed is not None else FIRST_SEED + (used == FIRST_SEED)
    if chosen < 0:
        raise InputError.of("options", "--seed", str(chosen), "a whole number from 0 on")
    if chosen == used:
        raise InputError.of("options", "--seed", str(chosen), "a seed that the policy was not trained with")
    return chosen


def write_evaluation(result: Mapping[str, Any], output: AnyPath) -> str:
    """Write an evaluation as JSON; return its SHA-256. Equal evaluations give equal bytes."""
    return write_atomically(output, pretty_json(result))


def _play(
    worlds: EnvironmentWorlds, name: str, behavior: Behavior, episodes: int, advance: Callable[[int], None]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns, float64 [episodes], and lengths, int64 [episodes], of one whole episode for each number.

    Episode e is played in world e modulo W, so that short episodes do not count more often than long ones.
    """
    shape = worlds.alive.shape
    action = aligned_zeros(shape, np.int32)
    log_prob, value = aligned_zeros(shape, np.float32), aligned_zeros(shape, np.float32)
    returns, lengths = np.zeros(episodes, np.float64), np.zeros(episodes, np.int64)
    worlds.ticks, done = 0, 0
    for first in range(0, episodes, worlds.worlds):
        playing = range(min(worlds.worlds, episodes - first))
        for world in range(worlds.worlds):
            worlds.begin(world, first // worlds.worlds)
        earned, took_part = np.zeros(shape, np.float64), worlds.alive.copy()
        running = np.zeros(worlds.worlds, np.bool_)
        running[playing], begun = True, worlds.ticks
        while running.any():
            behavior.act(cast("Any", worlds), action, log_prob, value)
            for world in np.flatnonzero(running).tolist():
                worlds.step_one(world, action[world])
                earned[world] += worlds.reward[world]
                took_part[world] |= worlds.alive[world]
            worlds.require_finite()
            worlds.ticks += 1
            if worlds.ticks - begun == LONGEST:
                found = f"an episode under {name} that has not ended after {LONGEST:,} steps"
                expected = "one with a time limit, such as --env-option max_episode_steps=N of Gymnasium's"
                raise EnvironmentFailed.of(worlds.name, found, expected)
            ended = running & worlds.over
            for world in np.flatnonzero(ended).tolist():
                returns[first + world] = earned[world, took_part[world]].mean()
                lengths[first + world] = worlds.steps(world)
            running &= ~ended
            done += int(ended.sum())
            if ended.any():
                advance(done)
    return returns, lengths


def _interval(values: NDArray[np.float64]) -> dict[str, float]:
    mean, low, high = student_interval(values)
    return {"mean": mean, "low": low, "high": high}
