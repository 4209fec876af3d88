"""A loop over many towns at once, each drawn from a number, a few of which are replaced before every rollout."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import Behavior, act_within
from townlet.behavior.memory import recall
from townlet.config import Scenario
from townlet.config.drawn import TRAINING, drawn_scenario
from townlet.config.drawn.capacities import PEOPLE
from townlet.config.training import DRAWN_DAY
from townlet.host.workers import workers
from townlet.rollout import RolloutBuffer, aligned_zeros
from townlet.seeds import fold_seed
from townlet.simulation import telemetry_totals
from townlet.world import Town
from townlet.world.engine.compile import entry
from townlet.world.rules.actions import WAIT

#: The most people in a town whose population is drawn.
MOST_PEOPLE = PEOPLE[1]

# Streams of the draws of towns and of their worlds' seeds; townlet.training.joint lists the others.
_TOWNS, _WORLDS = 3 << 61, (3 << 61) + (1 << 60)


class TownsLoop:
    """Worlds of ``training.towns.count`` drawn towns, ``training.worlds`` each, that live a whole day per rollout.

    A town stays for ``training.towns.rollouts`` rollouts. Which towns a rollout has, and their worlds' seeds, are a
    pure function of the seed and the number of rollouts before it. Observations and rewards are those of ``scenario``,
    whatever the drawn towns' own are.

    In the buffer, towns lie side by side on the axis of worlds; slots beyond a town's people are empty. ``threads``
    threads divide the towns between them, which changes no bit unless torch computes the network.
    """

    def __init__(self, scenario: Scenario, *, seed: int, threads: int = 1) -> None:
        config = scenario.training
        self.scenario, self.seed = scenario, seed
        self.count, self.stay, self.each = config.towns.count, config.towns.rollouts, config.worlds
        #: Rollouts collected so far.
        self.rollouts = 0
        self._workers = workers(threads)
        self._towns: dict[int, tuple[int, Town]] = {}
        home = self._town(0, 0)
        self.town = Towns(self.count * self.each, home.observation_schema, home.action_names)

    def new_buffer(self, ticks: int, state_units: int = 0) -> RolloutBuffer:
        """An empty buffer for ``ticks`` ticks of this loop, with hidden states of ``state_units`` numbers."""
        town = self.town
        shape = ticks, town.worlds, len(town.people), len(town.observation_schema), len(town.action_names)
        return RolloutBuffer(*shape, state_units)

    @property
    def state_bytes(self) -> int:
        """Bytes of the states of all towns but the first, if they are as large as that."""
        return (self.count - 1) * sum(array.nbytes for array in self._town(0, self.rollouts).state)

    def number(self, slot: int, rollout: int) -> int:
        """The number from which the town in a slot is drawn in a rollout, counted from 0."""
        # Slots are replaced in turn, not all at once.
        generation = (rollout + slot * self.stay // self.count) // self.stay
        key = np.array([fold_seed(self.seed), _TOWNS + (generation << 20) + slot], np.uint64)
        return int(np.random.Generator(np.random.Philox(key=key)).integers(TRAINING.start, TRAINING.stop))

    def collect(self, buffer: RolloutBuffer, behavior: Behavior) -> None:
        """Fill the buffer with a day in every town.

        Observations of agent-steps without a decision of a network that commits itself, from which nothing is learnt,
        are not recorded. Raises ValueError for a buffer of another length than a day: its end cuts the trajectories.
        """
        if buffer.ticks != DRAWN_DAY:
            raise ValueError(f"ticks: found {buffer.ticks}, expected {DRAWN_DAY}: in a rollout, drawn towns live a day")
        parts = [self._town(slot, self.rollouts) for slot in range(self.count)]
        beyond = aligned_zeros(buffer.observation.shape[1:], np.float32)

        def run_some(_: int, slots: slice) -> None:
            for slot in range(slots.start, slots.stop):
                parts[slot].reset(self._world_seed(slot))
                first = slot * self.each
                live_a_day(parts[slot], buffer, behavior, first)
                beyond[first : first + self.each, : len(parts[slot].people)] = parts[slot].observation

        self._workers.share(self.count, run_some)
        buffer.cut_ticks[:] = [buffer.ticks - 1]
        buffer.cut_observation[:] = [beyond]
        buffer.totals = _totals([(town.state.tally, town.state.counter) for town in parts])
        self.rollouts += 1

    def _world_seed(self, slot: int) -> int:
        key = np.array([fold_seed(self.seed), _WORLDS + (self.rollouts << 20) + slot], np.uint64)
        return int(np.random.Generator(np.random.Philox(key=key)).integers(0, 1 << 62))

    def _town(self, slot: int, rollout: int) -> Town:
        number = self.number(slot, rollout)
        kept = self._towns.get(slot)
        if kept is None or kept[0] != number:
            scenario = seen_and_paid_as(drawn_scenario(number), self.scenario)
            kept = self._towns[slot] = number, Town(scenario, worlds=self.each, seed=0)
        return kept[1]


class Towns:
    """The spaces of observations and actions that all towns of a loop share."""

    def __init__(self, worlds: int, observation_schema: list[dict[str, Any]], actions: list[str]) -> None:
        self.worlds, self.observation_schema, self.action_names = worlds, observation_schema, actions
        self.people = [f"person_{number}" for number in range(1, MOST_PEOPLE + 1)]


def seen_and_paid_as(town: Scenario, model: Scenario) -> Scenario:
    """A town with another scenario's observations and rewards."""
    rules = town.rules.model_copy(update={"reward": model.rules.reward})
    return town.model_copy(update={"rules": rules, "observations": model.observations})


def live_a_day(town: Town, buffer: RolloutBuffer, behavior: Behavior, first: int) -> None:
    """Record a town's next ticks in a buffer, whose worlds from ``first`` on are the town's."""
    state, shape = town.state, town.alive.shape
    mask, choice = aligned_zeros(state.mask.shape, np.bool_), aligned_zeros(shape, np.int32)
    log_prob, value = aligned_zeros(shape, np.float32), aligned_zeros(shape, np.float32)
    for t in range(buffer.ticks):
        recall(behavior, town, buffer.state[t, first : first + town.worlds, : shape[1]])
        act_within(behavior, town, mask, choice, log_prob, value)
        store_choices(
            *(buffer.observation, buffer.mask, buffer.alive, buffer.action, buffer.log_prob, buffer.value),
            *(t, first),
            *(state.observation, mask, state.alive, choice, log_prob, value),
        )
        town.step(choice)
        store_outcomes(
            *(buffer.alive, buffer.reward, buffer.reward_parts, buffer.clipped, buffer.terminated, buffer.truncated),
            *(t, first, t == buffer.ticks - 1),
            *(state.reward, state.reward_parts, state.clipped, state.terminated),
        )


@entry
def store_choices(
    observations: np.ndarray,
    masks: np.ndarray,
    present: np.ndarray,
    actions: np.ndarray,
    log_probs: np.ndarray,
    values: np.ndarray,
    t: int,
    first: int,
    observation: np.ndarray,
    mask: np.ndarray,
    alive: np.ndarray,
    action: np.ndarray,
    log_prob: np.ndarray,
    value: np.ndarray,
) -> None:
    """Record a tick's choices in an array of each kind, the first six a buffer's, the last six the town's.

    Names, shapes and types are those of :class:`townlet.rollout.RolloutBuffer`; tick ``t`` and the worlds from
    ``first`` on are filled, empty slots as if people there could only wait.
    """
    for w in range(alive.shape[0]):
        for a in range(present.shape[2]):
            here = a < alive.shape[1] and alive[w, a]
            present[t, first + w, a] = here
            masks[t, first + w, a, :] = False
            masks[t, first + w, a, WAIT] = True
            log_probs[t, first + w, a] = 0.0
            values[t, first + w, a] = 0.0
            actions[t, first + w, a] = WAIT
            if not here:
                continue
            choices = 0
            for n in range(mask.shape[2]):
                masks[t, first + w, a, n] = mask[w, a, n]
                choices += mask[w, a, n]
            actions[t, first + w, a] = action[w, a]
            # A network that commits itself estimates no value where nobody chooses.
            if choices > 1 or not np.isnan(value[w, a]):
                log_probs[t, first + w, a] = log_prob[w, a]
                values[t, first + w, a] = value[w, a]
                for f in range(observation.shape[2]):
                    observations[t, first + w, a, f] = observation[w, a, f]


@entry
def store_outcomes(
    present: np.ndarray,
    rewards: np.ndarray,
    parts: np.ndarray,
    clipped: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
    t: int,
    first: int,
    last: bool,
    reward: np.ndarray,
    part: np.ndarray,
    clip: np.ndarray,
    end: np.ndarray,
) -> None:
    """Record a tick's outcomes like :func:`store_choices`: of the arrays, six are a buffer's, the last four the town's.

    If the tick is the ``last``, episodes that do not end in it are truncated.
    """
    for w in range(reward.shape[0]):
        for a in range(present.shape[2]):
            here = present[t, first + w, a]
            rewards[t, first + w, a] = reward[w, a] if here else np.float32(0.0)
            for i in range(parts.shape[3]):
                parts[t, first + w, a, i] = part[w, a, i] if here else np.float32(0.0)
            clipped[t, first + w, a] = here and clip[w, a]
            over = here and end[w, a]
            terminated[t, first + w, a] = over
            truncated[t, first + w, a] = here and last and not over


def _totals(parts: list[tuple[NDArray[Any], NDArray[Any]]]) -> dict[str, float]:
    tallies = np.zeros((sum(len(tally) for tally, _ in parts), MOST_PEOPLE, parts[0][0].shape[2]))
    first = 0
    for tally, _ in parts:
        tallies[first : first + len(tally), : tally.shape[1]] = tally
        first += len(tally)
    return telemetry_totals(tallies, np.concatenate([counter for _, counter in parts]))
