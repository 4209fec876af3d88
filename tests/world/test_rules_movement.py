"""Movement: one tile per tick, one person per tile; walls, objects and the map's edge block."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.towns import Stage, shower_room

from townlet.world.engine.random import draw_order, nth_mover
from townlet.world.state.events import ILLEGAL_ACTIONS

STEPS = {"move_north": (0, -1), "move_south": (0, 1), "move_west": (-1, 0), "move_east": (1, 0)}


def alone_at(x: int, y: int, **changes: Any) -> Stage:
    people = {"anna": {"at": [x, y]}, "ben": None, "cara": None, "dan": None}
    return Stage(shower_room(people=people, **changes))


@pytest.mark.parametrize("direction", STEPS)
def test_a_move_goes_one_tile_in_its_direction(direction: str) -> None:
    stage = alone_at(1, 1)
    stage.tick(anna=direction)
    assert stage.place("anna") == (1 + STEPS[direction][0], 1 + STEPS[direction][1])


@pytest.mark.parametrize(
    ("corner", "blocked"),
    [
        ((0, 0), {"move_north", "move_west"}),
        ((6, 0), {"move_north", "move_east"}),
        ((0, 6), {"move_south", "move_west"}),
        ((6, 6), {"move_south", "move_east"}),
    ],
)
def test_the_edge_blocks(corner: tuple[int, int], blocked: set[str]) -> None:
    stage = alone_at(*corner)
    assert stage.legal("anna") & set(STEPS) == set(STEPS) - blocked
    for direction in blocked:
        stage.tick(anna=direction)
        assert stage.place("anna") == corner


def test_objects_block() -> None:
    stage = alone_at(2, 3)
    assert "move_east" not in stage.legal("anna")
    stage.tick(anna="move_east")
    assert stage.place("anna") == (2, 3)


def test_walls_block_with_both_corners_included_whichever_is_named_first() -> None:
    wall = {"corner": [2, 5], "opposite": [0, 4]}
    stage = alone_at(1, 6, map={"walls": [wall]})
    assert "move_north" not in stage.legal("anna")
    for x in range(3):
        for y in (4, 5):
            assert stage.town.layout.blocked[y * 7 + x]
    assert stage.town.layout.blocked.sum() == 7  # six tiles of wall and the shower


def test_people_block_each_other() -> None:
    stage = Stage(shower_room(people={"ben": {"at": [1, 3]}}))
    assert "move_west" not in stage.legal("anna")
    stage.tick(anna="move_west", ben="move_east")
    assert (stage.place("anna"), stage.place("ben")) == ((2, 3), (1, 3))


def test_of_two_who_want_the_same_tile_one_gets_it_and_over_many_seeds_neither_is_ahead() -> None:
    people = {"anna": {"at": [0, 0]}, "ben": {"at": [2, 0]}, "cara": None, "dan": None}
    won = []
    for seed in range(200):
        stage = Stage(shower_room(people=people), seed=seed)
        stage.tick(anna="move_east", ben="move_west")
        places = (stage.place("anna"), stage.place("ben"))
        assert places in [((1, 0), (2, 0)), ((0, 0), (1, 0))]
        won.append(places[0] == (1, 0))
    assert 70 < sum(won) < 130


def test_a_request_walks_round_walls_by_a_shortest_way() -> None:
    walls = [{"corner": [1, 0], "opposite": [1, 5]}]
    stage = alone_at(0, 3, map={"walls": walls})
    steps = 0
    while stage.role("anna") == "idle" and steps < 50:
        stage.tick(anna="request_shower")
        steps += 1
    assert stage.place("anna") == (2, 4)
    assert steps == 3 + 2 + 2 + 1  # down, across, up, and the request itself


def test_an_object_that_cannot_be_reached_cannot_be_requested() -> None:
    stage = alone_at(0, 0, map={"walls": [{"corner": [1, 0], "opposite": [1, 6]}]})
    assert "request_shower" not in stage.legal("anna")
    assert stage.sees("anna", "shower_reachable") == 0.0


def test_an_illegal_action_counts_as_waiting() -> None:
    told, waited = Stage(shower_room()), Stage(shower_room())
    for stage in (told, waited):
        stage.queue_up("anna", "ben")
    illegal = dict.fromkeys(["anna", "ben", "cara", "dan"], "release")
    counter = told.state.counter[0, ILLEGAL_ACTIONS].copy()
    told.tick(**illegal)
    waited.tick()
    assert told.state.counter[0, ILLEGAL_ACTIONS] == counter + 4
    for before, after in zip(told.state, waited.state, strict=True):
        if after is not waited.state.counter:
            assert np.asarray(before).tobytes() == np.asarray(after).tobytes()


@pytest.mark.parametrize("number", [-1, 99, -(2**31)])
def test_an_action_number_that_does_not_exist_counts_as_waiting(number: int) -> None:
    stage = Stage(shower_room())
    stage.town.step(np.full((1, 4), number, np.int32))
    assert stage.state.counter[0, ILLEGAL_ACTIONS] == 4
    assert (stage.state.people["intent"] == 0).all()


def test_an_object_has_room_for_eight_around_it() -> None:
    around = [(x, y) for x in (2, 3, 4) for y in (2, 3, 4) if (x, y) != (3, 3)]
    names = ["anna", "ben", "cara", "dan", "eve", "fay", "gus", "hal"]
    people = {name: {"at": list(tile)} for name, tile in zip(names, around, strict=True)}
    stage = Stage(shower_room(people=people))
    stage.tick(**dict.fromkeys(names, "request_shower"))
    assert len(stage.queue()) == 7
    assert {stage.holder(), *stage.queue()} == set(names)


def test_of_any_two_people_either_may_act_first_with_equal_chances() -> None:
    people, ticks = 5, 4000
    first = np.zeros((people, people))
    for tick in range(ticks):
        order = draw_order(3, 0, tick, people)
        place = {nth_mover(order, n, people): n for n in range(people)}
        assert sorted(place) == list(range(people))
        first += np.array([[place[a] < place[b] for b in range(people)] for a in range(people)])
    share = first[~np.eye(people, dtype=bool)] / ticks
    assert np.abs(share - 0.5).max() < 0.04
