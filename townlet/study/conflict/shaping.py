"""Shaping of experience between the town and the trainer: placebos, inequity aversion, shared ties.

The town itself stays as it is. Placebos and shared ties change only the reward parts and features about conflict; where
these are 0, not a bit changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior
from townlet.config import Scenario
from townlet.rollout import REWARD_PARTS, RolloutBuffer, aligned_zeros
from townlet.simulation import SimulationLoop
from townlet.study.conflict.arms import Shaping
from townlet.world import Town
from townlet.world.state.events import CONTESTED_ARRIVAL

_FIRST = REWARD_PARTS.index("conflict_actor")
#: The three parts of the reward that are about conflict; they are adjacent.
CONFLICT_PARTS = slice(_FIRST, _FIRST + 3)
AfterTick = Callable[[Town, int], None]


class _LoopKind(Protocol):
    def __call__(self, scenario: Scenario, *, worlds: int, seed: int) -> SimulationLoop: ...


def loop_of(shaping: Shaping, scenario: Scenario, *, worlds: int, seed: int) -> SimulationLoop:
    """A simulation loop whose experience is shaped as ``shaping`` says."""
    kinds: dict[Shaping, _LoopKind] = {
        "none": SimulationLoop,
        "shuffled": ShuffledLoop,
        "mistimed": MistimedLoop,
        "delayed": DelayedLoop,
        "inequity": InequityLoop,
        "ties": TiesLoop,
    }
    return kinds[shaping](scenario, worlds=worlds, seed=seed)


class ShuffledTown(Town):
    """A town whose people get somebody else's conflict record: a placebo.

    At each tick, everybody sees the grudge features and pays the conflict penalties of a person drawn from another
    world (from their own if it is the only one). Amounts and moments are plausible, but unrelated to what the person
    did. If the other person lived in their own world, people would pay for what they do to others there: a team
    reward, not a placebo.
    """

    def __init__(self, scenario: Scenario, *, worlds: int, seed: int, first_world: int = 0) -> None:
        self._shown: NDArray[np.float32] | None = None
        super().__init__(scenario, worlds=worlds, seed=seed, first_world=first_world)
        self._grudges = np.array(
            [i for i, entry in enumerate(self.observation_schema) if entry["conflict"] and "rival" in entry["name"]]
        )
        self._shown = aligned_zeros(self.state.observation.shape, np.float32)
        self.sense()

    @property
    def observation(self) -> NDArray[np.float32]:
        """float32 [W, A, F], with other people's grudge features."""
        return self.state.observation if self._shown is None else self._shown

    def sense(self) -> None:
        """Fill observations and masks from the state, then exchange the grudge features."""
        super().sense()
        self._exchange_grudges()

    def _exchange_grudges(self) -> None:
        if self._shown is not None:
            self._shown[...] = self.state.observation
            grudges = self.state.observation[..., self._grudges]
            self._shown[..., self._grudges] = grudges.reshape(-1, len(self._grudges))[self.partners()]

    def step(self, action: NDArray[np.int32]) -> None:
        """Make one tick with ``action``, int32 [W, A], then exchange grudge features and conflict rewards."""
        super().step(action)
        self._exchange_grudges()
        parts = self.state.reward_parts
        own = parts[..., CONFLICT_PARTS].copy()
        parts[..., CONFLICT_PARTS] = own.reshape(-1, 3)[self.partners()]
        change = (parts[..., CONFLICT_PARTS] - own).sum(axis=-1)
        add_to_reward(self.state.reward, change, self.scenario.rules.reward.clip)

    def partners(self) -> NDArray[np.int64]:
        """int64 [W, A]: the person whose record each one gets at this tick, as an index into all people of all worlds.

        Everybody's record goes to exactly one person.
        """
        clock = int(self.state.worlds[0].clock)
        draws = np.random.Generator(np.random.Philox(key=np.array([self.seed, clock], np.uint64)))
        people = len(self.people)
        partner = np.empty((self.worlds, people), np.int64)
        if self.worlds == 1:
            partner[0] = np.roll(np.arange(people), int(draws.integers(1, max(people, 2))))
            return partner
        other_world = np.roll(np.arange(self.worlds), int(draws.integers(1, self.worlds)))
        partner[...] = other_world[:, None] * people + draws.permutation(people)
        return partner


class ShuffledLoop(SimulationLoop):
    """A loop over a :class:`ShuffledTown`."""

    def __init__(self, scenario: Scenario, *, worlds: int, seed: int) -> None:
        super().__init__(scenario, worlds=worlds, seed=seed)
        self.town = ShuffledTown(scenario, worlds=worlds, seed=seed)


class MistimedLoop(SimulationLoop):
    """A loop in which people pay their own conflict penalties, but at other ticks: a placebo.

    Each person's penalties of one rollout are permuted among the ticks of that rollout.
    """

    def collect(self, buffer: RolloutBuffer, behavior: Behavior, after_tick: AfterTick | None = None) -> None:
        """Fill the buffer as usual, then permute the penalties."""
        clock = int(self.town.state.worlds[0].clock)
        super().collect(buffer, behavior, after_tick)
        draws = np.random.Generator(np.random.Philox(key=np.array([self.town.seed, clock], np.uint64)))
        before = buffer.reward_parts[..., CONFLICT_PARTS].copy()
        for world, person in np.ndindex(buffer.worlds, buffer.agents):
            ticks = np.flatnonzero(buffer.alive[:, world, person])
            moved = before[draws.permutation(ticks), world, person]
            buffer.reward_parts[ticks, world, person, CONFLICT_PARTS] = moved
        change = (buffer.reward_parts[..., CONFLICT_PARTS] - before).sum(axis=-1)
        add_to_reward(buffer.reward, change, self.scenario.rules.reward.clip)


class DelayedLoop(SimulationLoop):
    """A loop in which people pay their conflict penalties of the previous rollout, at drawn ticks: a placebo.

    A penalty paid at another tick of the same day still reaches the person who caused it, sometimes soon after. Paid in
    the next day's episode, it carries no information about what they did. Penalties due in an empty slot are lost.
    """

    def __init__(self, scenario: Scenario, *, worlds: int, seed: int) -> None:
        super().__init__(scenario, worlds=worlds, seed=seed)
        self._owed: NDArray[np.float32] | None = None

    def collect(self, buffer: RolloutBuffer, behavior: Behavior, after_tick: AfterTick | None = None) -> None:
        """Fill the buffer as usual, then replace the penalties by those of the previous rollout."""
        clock = int(self.town.state.worlds[0].clock)
        super().collect(buffer, behavior, after_tick)
        draws = np.random.Generator(np.random.Philox(key=np.array([self.town.seed, clock], np.uint64)))
        own = buffer.reward_parts[..., CONFLICT_PARTS].copy()
        owed = np.zeros_like(own) if self._owed is None else draws.permuted(self._owed, axis=0)
        paid = np.where(buffer.alive[..., None], owed, np.float32(0.0))
        buffer.reward_parts[..., CONFLICT_PARTS] = paid
        add_to_reward(buffer.reward, (paid - own).sum(axis=-1), self.scenario.rules.reward.clip)
        self._owed = own


class InequityLoop(SimulationLoop):
    """A loop that pays people less the more unequal temporally smoothed rewards are (Hughes et al. 2018, eq. 3 and 4).

    e_i(t) = γ λ e_i(t−1) + r_i(t), and
    u_i(t) = r_i(t) − α / (N − 1) Σ_j max(e_j − e_i, 0) − β / (N − 1) Σ_j max(e_i − e_j, 0),
    over the N people present. The penalty is not part of ``reward_parts``.
    """

    #: Weights of disadvantageous and advantageous inequity, as published, and the decay λ of the smoothing.
    ALPHA, BETA, DECAY = 5.0, 0.05, 0.975

    def __init__(self, scenario: Scenario, *, worlds: int, seed: int) -> None:
        super().__init__(scenario, worlds=worlds, seed=seed)
        self._smoothed = np.zeros((worlds, len(self.town.people)), np.float64)

    def collect(self, buffer: RolloutBuffer, behavior: Behavior, after_tick: AfterTick | None = None) -> None:
        """Fill the buffer as usual, then subtract the inequity penalties."""
        super().collect(buffer, behavior, after_tick)
        decay = self.scenario.training.ppo.gamma * self.DECAY
        for tick in range(buffer.ticks):
            alive = buffer.alive[tick]
            self._smoothed = np.where(alive, decay * self._smoothed + buffer.reward[tick], 0.0)
            penalty = inequity(self._smoothed, alive, self.ALPHA, self.BETA)
            add_to_reward(buffer.reward[tick], -penalty, self.scenario.rules.reward.clip)
            ended = buffer.terminated[tick] | buffer.truncated[tick]
            self._smoothed[ended] = 0.0


class TiesLoop(SimulationLoop):
    """A loop in which two people who arrive in the same tick pay half of the penalty each.

    In the town, a lot decides which of them causes the conflict and pays. Half is the mean over that lot: the average
    penalty stays the same, but both learn from every tie that they could have avoided it.
    """

    def collect(self, buffer: RolloutBuffer, behavior: Behavior, after_tick: AfterTick | None = None) -> None:
        """Fill the buffer as usual, sharing the cost of each tick's ties."""
        rewards = self.scenario.rules.reward

        def share(town: Town, tick: int) -> None:
            events, happened = town.state.events, town.state.worlds["event_count"]
            is_tie = (np.arange(events.shape[1]) < happened[:, None]) & (events["kind"] == CONTESTED_ARRIVAL)
            world, number = is_tie.nonzero()
            tie = events[world, number]
            change = np.zeros(buffer.reward[tick].shape, np.float64)
            half = 0.5 * rewards.conflict_actor * tie["intensity"]
            np.add.at(change, (world, tie["actor"]), half)
            np.subtract.at(change, (world, tie["rival"]), half)
            buffer.reward_parts[tick, ..., _FIRST] += change
            add_to_reward(buffer.reward[tick], change, rewards.clip)
            if after_tick:
                after_tick(town, tick)

        super().collect(buffer, behavior, share)


def inequity(smoothed: NDArray[np.float64], alive: NDArray[np.bool_], alpha: float, beta: float) -> NDArray[np.float64]:
    """Cost of inequity for each person, float64 [W, A], from smoothed rewards, float64 [W, A], of those ``alive``."""
    ahead = smoothed[:, None, :] - smoothed[:, :, None]
    both = alive[:, None, :] & alive[:, :, None]
    others = np.maximum(alive.sum(axis=1, keepdims=True) - 1, 1)
    envy = np.where(both, np.maximum(ahead, 0.0), 0.0).sum(axis=2)
    guilt = np.where(both, np.maximum(-ahead, 0.0), 0.0).sum(axis=2)
    cost: NDArray[np.float64] = (alpha * envy + beta * guilt) / others
    return cost


def add_to_reward(reward: NDArray[np.float32], change: NDArray[np.floating], clip: float) -> None:
    """Add a change in place; rewards with a change of 0 keep their bits."""
    changed = change != 0.0
    reward[changed] = np.clip(reward[changed] + change[changed], -clip, clip)
