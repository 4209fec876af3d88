"""People who follow the schedule of their scenario."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from townlet.config import Scenario
from townlet.world import Town, TownState
from townlet.world.engine.compile import entry, rule
from townlet.world.rules.actions import EAST, LEAVE, NORTH, PUSH, RELEASE, REQUEST, SOUTH, START, WAIT, WEST, YIELD
from townlet.world.state.arrays import FINISHED, HOLDING, IDLE, WAITING
from townlet.world.state.layout import TownLayout

#: Verbs that name no object are their own action; -1 and below are worked out against the state.
_REQUEST, _USE, _CAMP, _PUSH_IN, _GIVE_WAY, _RELEASE, _LEAVE = -1, -2, -3, -4, -5, -6, -7
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
    "give_way": _GIVE_WAY,
    "release": _RELEASE,
    "leave": _LEAVE,
}


class ScriptedBehavior:
    """The deterministic policy that a scenario's schedule describes; whoever has no schedule waits."""

    name = "scripted"
    deterministic = True

    def __init__(self, scenario: Scenario) -> None:
        people = list(scenario.people)
        self._verb = np.zeros((len(people), scenario.ticks), np.int64)
        self._kind = np.full((len(people), scenario.ticks), -1, np.int64)
        for name, instructions in scenario.schedule.items():
            for instruction in instructions:
                row = people.index(name)
                self._verb[row, instruction.at :] = _VERBS[instruction.verb]
                target = instruction.target
                self._kind[row, instruction.at :] = scenario.object_types.index(target) if target else -1

    def act(
        self,
        town: Town,
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody; see :class:`townlet.behavior.base.Behavior`."""
        tick = town.tick
        follow_schedule(town.state, town.layout, self._verb[:, tick], self._kind[:, tick], action)
        log_prob[:] = 0.0
        value[:] = math.nan


@entry
def follow_schedule(
    town: TownState, layout: TownLayout, verb: np.ndarray, kind: np.ndarray, action: np.ndarray
) -> None:
    """The legal action, int32 [W, A], with which each person follows its current instruction; else waiting."""
    for w in range(town.mask.shape[0]):
        for a in range(layout.people):
            wanted = carry_out(town, layout, w, a, verb[a], kind[a])
            action[w, a] = wanted if town.mask[w, a, wanted] else WAIT


@rule
def carry_out(town: TownState, layout: TownLayout, w: int, a: int, verb: int, kind: int) -> int:
    """The action that serves an instruction in the present state; it may be illegal."""
    after: int = REQUEST + town.target.shape[2]
    person = town.people[w, a]
    if verb >= 0:
        return int(verb)
    if verb == _RELEASE:
        return after + RELEASE
    if verb == _LEAVE:
        return after + LEAVE
    if person.role == IDLE:
        return int(REQUEST + kind)
    if layout.object_type[person.at_object] != kind:
        return after + LEAVE
    if verb == _GIVE_WAY and town.mask[w, a, after + YIELD]:
        return after + YIELD
    if person.role == WAITING:
        return after + PUSH if verb == _PUSH_IN else WAIT
    if person.role == HOLDING and verb != _REQUEST:
        # Holding on without being able to start would stall the others.
        return after + START if town.mask[w, a, after + START] else after + LEAVE
    if person.role == FINISHED and verb == _CAMP:
        return after + START
    return WAIT
