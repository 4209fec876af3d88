"""Requests: the object that one is for, and how walking, waiting and using enter the return."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from support.towns import Stage, merge, shower_room

from townlet.behavior import DeterministicBehavior
from townlet.rollout import RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.training.advantages import gae
from townlet.world import Town

#: Two showers, one near everybody and one far.
TWO_SHOWERS = {"objects": {"shower_2": {"type": "shower", "at": [3, 6]}}, "map": {"height": 9}}


def target(stage: Stage, name: str) -> str:
    """The object that a request for a shower would be for."""
    return [*stage.town.objects, ""][stage.state.target[0, stage.town.people.index(name), 0]]


def test_a_request_is_for_the_nearest_object_that_nobody_has() -> None:
    stage = Stage(shower_room(**TWO_SHOWERS))
    assert target(stage, "ben") == "shower_1"
    stage.tick(anna="request_shower")
    assert (target(stage, "anna"), target(stage, "ben")) == ("shower_1", "shower_2")
    stage.tick(anna="leave_queue")
    assert target(stage, "ben") == "shower_1"


def test_if_all_are_taken_a_request_is_for_the_nearest() -> None:
    stage = Stage(shower_room(**TWO_SHOWERS))
    stage.tick(anna="request_shower")
    stage.ticks(4, dan="request_shower")
    assert (stage.holder("shower_1"), stage.holder("shower_2")) == ("anna", "dan")
    assert target(stage, "ben") == "shower_1"


def test_of_the_type_of_their_workplace_people_ask_for_no_other_object() -> None:
    work = {
        **TWO_SHOWERS,
        "affordances": {"clean": {"object": "shower", "ticks": 2, "work": True}},
        "jobs": {"cleaner": {"workplace": "shower_2", "start": 0, "end": 100, "wage": 0.1}},
        "people": {"anna": {"job": "cleaner"}},
    }
    stage = Stage(shower_room(**work))
    assert (target(stage, "anna"), target(stage, "ben")) == ("shower_2", "shower_1")


class Errand(DeterministicBehavior):
    """Starts a use whenever that is legal, else requests the shower whenever that is legal, else waits."""

    name = "errand"

    def choose(self, town: Town, action: NDArray[np.int32]) -> None:
        names = town.action_names
        action[:] = names.index("wait")
        for wanted in ("request_shower", "start"):
            number = names.index(wanted)
            action[town.mask[..., number]] = number


def errand() -> RolloutBuffer:
    """Twelve ticks of Anna, who starts three steps out of reach of a shower whose use takes three ticks."""
    alone = {"people": {"ben": None, "cara": None, "dan": None, "anna": {"at": [0, 1]}}}
    scenario = shower_room(**merge(alone, {"rules": {"needs": {"decay": {"hygiene": 0.01}}}}))
    loop = SimulationLoop(scenario, worlds=1, seed=0)
    buffer = loop.new_buffer(12)
    loop.collect(buffer, Errand())
    return buffer


def test_a_request_is_chosen_anew_each_tick_and_each_tick_is_one_transition() -> None:
    buffer = errand()
    names = ["wait", "move_north", "move_south", "move_west", "move_east", "request_shower", "start"]
    chosen = [names[number] for number in buffer.action[:, 0, 0]]
    # Three steps, then joining the queue, then three ticks of use.
    assert chosen[:8] == ["request_shower"] * 4 + ["start", "wait", "wait", "start"]
    assert buffer.alive.all() and buffer.agent_steps == 12


@pytest.mark.parametrize("gamma", [0.9, 1.0])
def test_the_return_of_an_option_of_several_ticks_is_the_discounted_sum_of_its_ticks(gamma: float) -> None:
    reward = errand().reward[:, :, 0]
    nothing, never = np.zeros_like(reward), np.zeros_like(reward, np.bool_)
    cut = never.copy()
    cut[-1] = True
    returns = gae(reward, nothing, nothing, never, cut, gamma, 1.0)
    for begin in (0, 4):
        expected = sum(gamma**i * float(r) for i, r in enumerate(reward[begin:, 0]))
        assert float(returns[begin, 0]) == pytest.approx(expected, rel=1e-5)
