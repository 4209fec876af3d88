"""Worlds of an environment side by side, whose state is their episodes' numbers and the actions since their resets."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from townlet.errors import InputError
from townlet.rollout import aligned_zeros
from townlet.seeds import fold_seed
from townlet.training.environment.adapters import Adapter
from townlet.training.environment.failure import EnvironmentFailed
from townlet.training.environment.history import History
from townlet.training.environment.places import Places

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Shown in errors, so that they name the first few features only.
_NAMED = 3


class EnvironmentWorlds:
    """W environments with A agents each, presented to a behaviour as a town is.

    Every episode has a seed of its own, a pure function of ``seed``, the world's number and the episode's. So a world's
    state is a function of these and of the actions since its reset, if its environment is one of its seed and actions
    at all: :meth:`saved` holds just that, and :meth:`restore` plays it again.

    ``fingerprint``, uint32 [W], is a checksum of all that an episode has shown so far.
    """

    def __init__(self, name: str, adapt: Callable[[], Adapter], worlds: int, seed: int) -> None:
        self.name, self.seed, self.worlds, self.ticks = name, seed, worlds, 0
        self.adapters: list[Adapter] = []
        try:
            self.adapters.extend(adapt() for _ in range(worlds))
        except BaseException:
            self.close()
            raise
        first = self.adapters[0]
        self.people, self.action_names = first.agents, first.actions.names
        self.observation_schema = first.observations.schema
        step = (worlds, len(self.people))
        self.observation: NDArray[np.float32] = aligned_zeros((*step, len(self.observation_schema)), np.float32)
        self.mask: NDArray[np.bool_] = aligned_zeros((*step, len(self.action_names)), np.bool_)
        self.alive: NDArray[np.bool_] = aligned_zeros(step, np.bool_)
        self.reward: NDArray[np.float32] = aligned_zeros(step, np.float32)
        self.terminated: NDArray[np.bool_] = aligned_zeros(step, np.bool_)
        self.truncated: NDArray[np.bool_] = aligned_zeros(step, np.bool_)
        self.over = np.zeros(worlds, np.bool_)
        self.episode = np.zeros(worlds, np.int64)
        self.fingerprint = np.zeros(worlds, np.uint32)
        self.histories = [History(len(self.people)) for _ in range(worlds)]
        self.places = [
            Places(
                self.observation[w], self.mask[w], self.alive[w], self.reward[w], self.terminated[w], self.truncated[w]
            )
            for w in range(worlds)
        ]

    def close(self) -> None:
        """Free the environments' resources; they cannot be stepped any more."""
        for adapter in self.adapters:
            adapter.close()

    def begin(self, world: int, episode: int) -> None:
        """Begin an episode in one world."""
        self.episode[world] = episode
        self.histories[world].clear()
        self.fingerprint[world], self.over[world] = 0, False
        # What the last episode left must not count in this one's fingerprint.
        self.reward[world], self.terminated[world], self.truncated[world] = 0.0, False, False
        with self._failures(world):
            self.adapters[world].reset(self.places[world], episode_seed(self.seed, world, episode))
        self._require_finite(world)
        self._note(world)

    def step(self, action: NDArray[np.int32]) -> None:
        """One tick of all worlds under ``action``, int32 [W, A]. Worlds whose episode is over are not reset."""
        for world in range(self.worlds):
            self.step_one(world, action[world])
        self.ticks += 1
        self.require_finite()

    def require_finite(self) -> None:
        """Raise EnvironmentFailed for the first observation or reward that is NaN or infinite."""
        if not (np.isfinite(self.observation).all() and np.isfinite(self.reward).all()):
            for world in range(self.worlds):
                self._require_finite(world)

    def steps(self, world: int) -> int:
        """Steps since a world's last reset."""
        return len(self.histories[world].actions)

    def step_one(self, world: int, action: NDArray[np.int32]) -> None:
        """One tick of one world under ``action``, int32 [A]."""
        adapter = self.adapters[world]
        self.histories[world].append(action)
        # A context manager would cost as much as a step of a small environment.
        try:
            adapter.step(self.places[world], action)
        except Exception as error:
            raise self._failure(world, error) from error
        self.over[world] = adapter.over
        self._note(world)

    @property
    def begins(self) -> NDArray[np.bool_]:
        """bool [W, A]: whatever happened in the place before belongs to an episode that is over."""
        fresh = np.array([not len(history.actions) for history in self.histories])
        return fresh[:, None] | self.terminated | self.truncated

    def begin_next(self) -> None:
        """Begin the next episode in all worlds whose episode is over."""
        for world in np.flatnonzero(self.over).tolist():
            self.begin(world, int(self.episode[world]) + 1)

    def policy_draws(self) -> NDArray[np.float64]:
        """float64 [W, A] in [0, 1): a draw per place for the coming action, a pure function of seed and tick."""
        generator = np.random.Generator(np.random.Philox(key=np.array([fold_seed(self.seed), self.ticks], np.uint64)))
        return generator.random((self.worlds, len(self.people)))

    def saved(self) -> dict[str, NDArray[Any]]:
        """The worlds' state as arrays; their names are those of attributes, besides ``length`` and ``action``.

        ``length``, int64 [W], counts the steps since each reset, and ``action``, int32 [sum of them, A], holds their
        actions, world after world.
        """
        histories = [history.actions for history in self.histories]
        return {
            "ticks": np.array([self.ticks], np.int64),
            "episode": self.episode,
            "length": np.array([len(history) for history in histories], np.int64),
            "action": np.concatenate(histories),
            "fingerprint": self.fingerprint,
            "observation": self.observation,
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], file: str) -> None:
        """Play the worlds to where they were when :meth:`saved` returned ``arrays``.

        Raises InputError, with ``file`` as the file, for arrays of other worlds, and if the environments do not show
        what they showed before.
        """
        _require_shapes(self.saved(), arrays, file)
        self.ticks = int(arrays["ticks"][0])
        ends = np.cumsum(arrays["length"]).tolist()
        for world, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
            self.begin(world, int(arrays["episode"][world]))
            for action in arrays["action"][begin:end]:
                if self.over[world]:
                    break
                self.step_one(world, action)
            self._require_same(world, arrays, end - begin, file)

    def _note(self, world: int) -> None:
        shown = zlib.crc32(self.observation[world], int(self.fingerprint[world]))
        shown = zlib.crc32(self.mask[world], zlib.crc32(self.alive[world], shown))
        self.fingerprint[world] = zlib.crc32(self.reward[world], shown)

    def _require_same(self, world: int, arrays: Mapping[str, NDArray[Any]], length: int, file: str) -> None:
        """Raise InputError unless a world is where it was, bit by bit, and came there the same way."""
        before, now = arrays["observation"][world], self.observation[world]
        other = np.argwhere(before.view(np.uint32) != now.view(np.uint32))
        if self.steps(world) < length or self.over[world]:
            found = f"an episode that ends after {self.steps(world)} steps"
            where, expected = "length", f"at least {length}, as before"
        elif len(other):
            place, feature = other[0].tolist()
            where = f"observation of {self.people[place]}, {self.observation_schema[feature]['name']}"
            found, expected = f"{now[place, feature]}", f"{before[place, feature]}, as before"
        elif arrays["fingerprint"][world] != self.fingerprint[world]:
            where, found, expected = "episode", "other observations, masks or rewards on the way", "those of before"
        else:
            return
        reason = (
            f"the environment {self.name} is not a function of its seed and its actions (world {world}, episode "
            f"{self.episode[world]}, played again), so its training cannot be resumed exactly; start again without "
            "--resume"
        )
        raise InputError.of(file, where, found, f"{expected}: {reason}")

    def _require_finite(self, world: int) -> None:
        """Raise EnvironmentFailed for the first observation or reward of a world that is NaN or infinite."""
        for rows, kind in ((self.observation[world], "observation"), (self.reward[world], "reward")):
            bad = np.argwhere(~np.isfinite(rows))
            if len(bad):
                agent = self.people[bad[0][0]]
                names = [self.observation_schema[index[1]]["name"] for index in bad[:_NAMED]] if rows.ndim > 1 else []
                of_which = f" ({', '.join(names)}{', …' if len(bad) > _NAMED else ''})" if names else ""
                found = f"{rows[tuple(bad[0])]} in the {kind} of {agent}{of_which}"
                raise EnvironmentFailed.of(self._where(world), found, "finite numbers in single precision")

    def _where(self, world: int) -> str:
        steps = self.steps(world)
        when = f"step {steps} of episode" if steps else "the reset of episode"
        return f"{self.name}, world {world}, {when} {self.episode[world]}"

    def _failure(self, world: int, error: Exception) -> EnvironmentFailed:
        if isinstance(error, EnvironmentFailed):
            return EnvironmentFailed(f"{self._where(world)}: {error}")
        return EnvironmentFailed.by(self._where(world), error)

    @contextmanager
    def _failures(self, world: int) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise self._failure(world, error) from error


def episode_seed(seed: int, world: int, episode: int) -> int:
    """The seed of a world's episode, below 2³² as many environments want it."""
    sequence = np.random.SeedSequence(fold_seed(seed), spawn_key=(world, episode))
    return int(sequence.generate_state(1)[0])


def _require_shapes(own: Mapping[str, NDArray[Any]], arrays: Mapping[str, NDArray[Any]], file: str) -> None:
    """Raise InputError unless ``arrays`` are those of such worlds; the actions may be more or fewer."""
    faults = []
    for name, array in own.items():
        found = arrays.get(name)
        fits = found is not None and found.dtype == array.dtype
        if not fits or found is None or found.shape[name == "action" :] != array.shape[name == "action" :]:
            faults.append(name)
    lengths = arrays.get("length")
    if not faults and lengths is not None and (lengths.min() < 0 or lengths.sum() != len(arrays["action"])):
        faults.append("length")
    if faults or arrays.keys() != own.keys():
        names = ", ".join(faults) or ", ".join(sorted(arrays.keys() ^ own.keys()))
        raise InputError.of(file, f"worlds.{names}", "the state of other worlds", "the state of these environments")
