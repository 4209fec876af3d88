"""A batch of worlds of one scenario: its arrays, its rules' constants, and its step."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from townlet.host.memory import FEWER, memory_for
from townlet.rollout import aligned_zeros
from townlet.seeds import fold_seed
from townlet.world.engine.compile import COMPILED
from townlet.world.engine.random import CHOOSE_ACTION, POLICY_STREAM, fill_draws
from townlet.world.handles import handle_of
from townlet.world.observation.schema import observation_schema_of
from townlet.world.observation.view import build_view
from townlet.world.rules.actions import action_names
from townlet.world.state.arrays import Capacities, TownState, allocate_state
from townlet.world.state.constants import TownRules, build_rules
from townlet.world.state.layout import build_layout
from townlet.world.step import reset_worlds, step_worlds

if TYPE_CHECKING:
    from townlet.config.scenario import Scenario


class Whole:
    """An identity that a town shares with its parts and views, and which worlds it has."""

    def __init__(self, worlds: int, first_world: int) -> None:
        self.worlds, self.first_world = worlds, first_world


class Town:
    """``W`` independent worlds of one scenario, in step with each other.

    World ``w`` of the batch is world number ``first_world + w`` under the seed. Its history depends on nothing else, so
    any range of worlds can be simulated anywhere. A seed is any whole number from 0 on; the attribute ``seed`` is the
    number that rules draw with, see :func:`townlet.seeds.fold_seed`. The next action is chosen from ``observation``
    (float32 [W, A, F]) and ``mask`` (bool [W, A, N]). They and all arrays of ``state`` are overwritten in place.
    """

    def __init__(self, scenario: Scenario, *, worlds: int, seed: int, first_world: int = 0) -> None:
        self.scenario = scenario
        self.worlds, self.seed, self.first_world = worlds, fold_seed(seed), first_world
        #: The same for all parts and views of a town; whoever remembers something about its people keeps it under this.
        self.whole = Whole(worlds, first_world)
        self.people = list(scenario.people)
        self.objects = list(scenario.objects)
        self.action_names = action_names(scenario.object_types)
        self.observation_schema = observation_schema_of(scenario)
        self.layout = build_layout(scenario)
        self._rules = build_rules(scenario)
        # Records with attributes take microseconds to read and to pass to compiled rules; plain arrays do not.
        self._table = self._rules.view(np.ndarray)
        self.view = build_view(scenario, self.layout)
        most = self._capacities()
        needed = worlds * sum(array.nbytes for array in allocate_state(self.layout, 1, most))
        with memory_for(needed, f"{worlds:,} worlds of {len(self.people):,} people", FEWER):
            draws = aligned_zeros((worlds, len(self.people)), np.float64)
            self._hold(allocate_state(self.layout, worlds, most), draws)
        self.reset()

    def _hold(self, state: TownState, draws: NDArray[np.float64]) -> None:
        """Take over these arrays, and derive everything that depends on their addresses."""
        self.state, self._draws = state, draws
        self._handle = handle_of(state, self.layout, self.view)
        self._tick, self._clock = (state.worlds[name].view(np.ndarray) for name in ("tick", "clock"))

    def part(self, worlds: slice) -> Town:
        """Some of the worlds as a town of their own, in the same memory."""
        part = copy.copy(self)
        part.worlds, part.first_world = worlds.stop - worlds.start, self.first_world + worlds.start
        part._hold(TownState._make(array[worlds] for array in self.state), self._draws[worlds])
        return part

    def showing(self, scenario: Scenario, observation: NDArray[np.float32]) -> Town:
        """The same worlds in the same memory, in which people observe ``observation``, float32 [W, A, F'], instead.

        ``scenario`` is theirs with the observations that these are. The town returned is to choose actions in, not to
        step, and holds as long as this one keeps its arrays.
        """
        shown = copy.copy(self)
        shown.scenario, shown.observation_schema = scenario, observation_schema_of(scenario)
        shown.state = self.state._replace(observation=observation)
        return shown

    def _capacities(self) -> Capacities:
        rules = self.scenario.rules
        return Capacities(
            grudges=rules.rivalry.max_edges,
            ties=max(rules.relationships.max_ties, 1),
            cooldowns=max(min(len(self.objects), rules.queue.cooldown_ticks // 2 + 1), 1),
            neighbors=max(self.scenario.observations.neighbors, 1),
            features=len(self.observation_schema),
            actions=len(self.action_names),
        )

    @property
    def rules(self) -> TownRules:
        """The rules' constants: one record of RULES."""
        return self._rules[0]

    @property
    def observation(self) -> NDArray[np.float32]:
        """float32 [W, A, F]."""
        return self.state.observation

    @property
    def mask(self) -> NDArray[np.bool_]:
        """bool [W, A, N]: legal actions; waiting is always legal."""
        return self.state.mask

    @property
    def alive(self) -> NDArray[np.bool_]:
        """bool [W, A]: somebody is in the slot."""
        return self.state.alive

    @property
    def reward(self) -> NDArray[np.float32]:
        """float32 [W, A]: rewards of the last tick, clipped as configured; 0 in empty slots."""
        return self.state.reward

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """bool [W, A]: the person's episode ended in the last tick."""
        return self.state.terminated

    @property
    def begins(self) -> NDArray[np.bool_]:
        """bool [W, A]: whatever happened in the slot before belongs to an episode that is over."""
        return np.ones_like(self.terminated) if self.tick == 0 else self.terminated

    @property
    def tick(self) -> int:
        """Ticks since the episode began."""
        return int(self._tick[0])

    def reset(self, seed: int | None = None) -> None:
        """Begin a new episode. A seed restarts everything from that seed, clocks and tallies included."""
        if seed is not None:
            self.seed = fold_seed(seed)
            self.state.worlds["clock"] = 0
            self.reset_tallies()
        with _wrapping():
            reset_worlds(self._handle, self._table, self.seed, self.first_world)
        self.sense()

    def step(self, action: NDArray[np.int32]) -> None:
        """Step all worlds by one tick under ``action``, int32 [W, A]; illegal actions count as waiting."""
        with _wrapping():
            step_worlds(self._handle, self._table, action, self.seed, self.first_world, self.worlds)

    def sense(self) -> None:
        """Fill the observations and masks from the state, as every step does at its end."""
        step_worlds(self._handle, self._table, _NO_ACTION, self.seed, self.first_world, self.worlds)

    def policy_draws(self) -> NDArray[np.float64]:
        """float64 [W, A] in [0, 1): one draw of the policy stream per person for the coming action."""
        with _wrapping():
            clock = int(self._clock[0])
            fill_draws(self._draws, self.seed, POLICY_STREAM, self.first_world, clock, CHOOSE_ACTION)
        return self._draws

    def reset_tallies(self) -> None:
        """Set all counters and tallies to 0."""
        self.state.counter[:] = 0.0
        self.state.tally[:] = 0.0


def _wrapping() -> AbstractContextManager[None]:
    """A context in which the 64-bit hashes of uncompiled rules wrap around without a warning, as compiled ones do."""
    return _NOTHING if COMPILED else np.errstate(over="ignore")


_NOTHING = nullcontext()
_NO_ACTION = np.empty((0, 0), np.int32)
