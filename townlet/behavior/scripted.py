"""The scripted behaviour: people follow the schedule of their scenario."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import DeterministicBehavior
from townlet.config import Scenario
from townlet.world import Town, TownState
from townlet.world.engine.compile import entry, rule
from townlet.world.rules.actions import (
    EAST,
    LEAVE,
    NORTH,
    PUSH,
    RELEASE,
    REQUEST,
    SOUTH,
    START,
    WAIT,
    WEST,
    YIELD,
    after_requests,
)
from townlet.world.state.arrays import FINISHED, HOLDING, IDLE, WAITING
from townlet.world.state.layout import TownLayout

#: Codes of verbs: an action's number for the verbs that are one action, else a negative number whose action depends on
#: the state.
_REQUEST, _USE, _CAMP, _PUSH_IN, _YIELD, _RELEASE, _LEAVE = -1, -2, -3, -4, -5, -6, -7
_VERBS = {
    "wait": WAIT,
    "move north": NORTH,
    "move south": SOUTH,
    "move west": WEST,
    "move east": EAST,
    "request": _REQUEST,
    "use": _USE,
    "camp": _CAMP,
    "push_in": _PUSH_IN,
    "give_way": _YIELD,
    "release": _RELEASE,
    "leave": _LEAVE,
}


class ScriptedBehavior(DeterministicBehavior):
    """Follows a scenario's schedule; people without one wait."""

    name = "scripted"

    def __init__(self, scenario: Scenario) -> None:
        people = list(scenario.people)
        self._verb = np.zeros((len(people), scenario.ticks), np.int64)
        self._type = np.full((len(people), scenario.ticks), -1, np.int64)
        for name, instructions in scenario.schedule.items():
            for instruction in instructions:
                row = people.index(name)
                self._verb[row, instruction.at :] = _VERBS[instruction.verb]
                target = instruction.target
                self._type[row, instruction.at :] = scenario.object_types.index(target) if target else -1

    def choose(self, town: Town, action: NDArray[np.int32]) -> None:
        """Choose for everybody by the instruction of this tick."""
        tick = town.tick
        follow_schedule(town.state, town.layout, self._verb[:, tick], self._type[:, tick], action)


@entry
def follow_schedule(
    town: TownState, layout: TownLayout, verb: np.ndarray, object_type: np.ndarray, action: np.ndarray
) -> None:
    """Fill ``action``, int32 [W, A], with the action that follows each person's instruction, or WAIT if it is illegal.

    ``verb`` and ``object_type`` are int64 [A]: the current instructions.
    """
    for w in range(town.mask.shape[0]):
        for a in range(layout.people):
            wanted = carry_out(town, layout, w, a, verb[a], object_type[a])
            action[w, a] = wanted if town.mask[w, a, wanted] else WAIT


@rule
def carry_out(town: TownState, layout: TownLayout, w: int, a: int, verb: int, t: int) -> int:
    """The action that follows an instruction in the current state; it may be illegal."""
    after = int(after_requests(town))
    person = town.people[w, a]
    if verb >= 0:
        return int(verb)
    if verb == _RELEASE:
        return after + RELEASE
    if verb == _LEAVE:
        return after + LEAVE
    if person.role == IDLE:
        return int(REQUEST + t)
    if layout.object_type[person.at_object] != t:
        return after + LEAVE
    if verb == _YIELD and town.mask[w, a, after + YIELD]:
        return after + YIELD
    if person.role == WAITING:
        return after + PUSH if verb == _PUSH_IN else WAIT
    if person.role == HOLDING and verb != _REQUEST:
        # A holder who cannot start would keep the others waiting.
        return after + START if town.mask[w, a, after + START] else after + LEAVE
    if person.role == FINISHED and verb == _CAMP:
        return after + START
    return WAIT
