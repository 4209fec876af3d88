"""A batch of towns of one scenario: the arrays, the compiled rules and the step that ties them together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.config.scenario import Scenario
from townlet.rollout import aligned_zeros
from townlet.world.actions import action_names
from townlet.world.compile import COMPILED
from townlet.world.layout import build_layout
from townlet.world.observations import build_view, observation_schema_of
from townlet.world.random import CHOOSE_ACTION, POLICY_STREAM, fill_draws
from townlet.world.rules import build_rules
from townlet.world.state import allocate_state
from townlet.world.step import reset_worlds, step_worlds


class Town:
    """``W`` independent worlds of one scenario, in step with each other.

    World ``w`` of the batch is world number ``first_world + w`` of the seed; its history depends on nothing else, so
    any range of worlds can be simulated anywhere. ``observation`` (float32 [W, A, F]) and ``mask`` (bool [W, A, N])
    show the moment before the next action; they and all arrays of ``state`` are overwritten in place.
    """

    def __init__(self, scenario: Scenario, *, worlds: int, seed: int, first_world: int = 0) -> None:
        self.scenario = scenario
        self.worlds, self.seed, self.first_world = worlds, seed, first_world
        self.people = list(scenario.people)
        self.objects = list(scenario.objects)
        self.action_names = action_names(scenario.object_types)
        self.observation_schema = observation_schema_of(scenario)
        self.layout = build_layout(scenario)
        self.rules = build_rules(scenario)
        self.view = build_view(scenario.observations)
        self.state = allocate_state(
            self.layout,
            worlds,
            scenario.rules.rivalry.max_edges,
            len(self.observation_schema),
            len(self.action_names),
        )
        self._draws: NDArray[np.float64] = aligned_zeros((worlds, len(self.people)), np.float64)
        self.reset()

    @property
    def observation(self) -> NDArray[np.float32]:
        """float32 [W, A, F]."""
        return self.state.observation

    @property
    def mask(self) -> NDArray[np.bool_]:
        """bool [W, A, N]: legal actions; waiting always is."""
        return self.state.mask

    @property
    def tick(self) -> int:
        """Ticks since the episode began."""
        return int(self.state.worlds[0].tick)

    def reset(self, seed: int | None = None) -> None:
        """Begin a new episode. With a seed, everything starts from it again, clocks and tallies included."""
        if seed is not None:
            self.seed = seed
            self.state.worlds["clock"] = 0
            self.reset_tallies()
        with _wrapping():
            reset_worlds(self.state, self.layout, self.rules, self.view, self.seed, self.first_world)

    def step(self, action: NDArray[np.int32]) -> None:
        """One tick under ``action``, int32 [W, A]; illegal actions count as waiting."""
        with _wrapping():
            step_worlds(self.state, self.layout, self.rules, self.view, action, self.seed, self.first_world)

    def policy_draws(self) -> NDArray[np.float64]:
        """float64 [W, A] in [0, 1): one draw of the policy stream per person for the coming action."""
        with _wrapping():
            clock = int(self.state.worlds[0].clock)
            fill_draws(self._draws, self.seed, POLICY_STREAM, self.first_world, clock, CHOOSE_ACTION)
        return self._draws

    def reset_tallies(self) -> None:
        """Set all counters and tallies to 0."""
        self.state.counter[:] = 0.0
        self.state.tally[:] = 0.0


def _wrapping() -> np.errstate:
    """Uncompiled rules wrap around in 64-bit hashes, as compiled ones do, without a warning."""
    return np.errstate() if COMPILED else np.errstate(over="ignore")
