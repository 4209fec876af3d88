"""Observations: the three modes, the map, the steps that lead to objects, and hidden conflict features.

What offers show is in ``test_observations_of_offers.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.towns import Stage, merge, shower_room

from townlet.behavior import RandomBehavior
from townlet.world import Town

RADIUS = 2
SIDE = 2 * RADIUS + 1


def stage_with(**observations: Any) -> Stage:
    return Stage(shower_room(observations={"map_radius": RADIUS, **observations}))


def channel(stage: Stage, name: str, which: str) -> np.ndarray:
    """One channel of a person's map, rows from north to south."""
    reach = range(-RADIUS, RADIUS + 1)
    return np.array([[stage.sees(name, f"map_{which}_{dy:+d}_{dx:+d}") for dx in reach] for dy in reach])


def test_compact_is_part_of_hybrid_and_hybrid_of_full() -> None:
    compact, hybrid, full = (stage_with(mode=mode).town for mode in ("compact", "hybrid", "full"))
    assert hybrid.observation.shape[-1] == compact.observation.shape[-1] + 4 * SIDE**2
    assert full.observation.shape[-1] == hybrid.observation.shape[-1] + 4
    assert (hybrid.observation[..., : compact.observation.shape[-1]] == compact.observation).all()
    assert (full.observation[..., : hybrid.observation.shape[-1]] == hybrid.observation).all()


def test_the_map_shows_edges_objects_people_and_rivals_where_they_are() -> None:
    stage = stage_with(mode="hybrid")
    stage.set_rivalry("anna", cara=0.7)
    stage.tick()
    # Anna stands at (2, 3) on a map of 7 by 7, west of the shower at (3, 3).
    shower = np.zeros((SIDE, SIDE))
    shower[2, 3] = 1.0
    assert (channel(stage, "anna", "object") == shower).all()
    assert (channel(stage, "anna", "blocked") == shower).all()
    people = np.zeros((SIDE, SIDE))
    for x, y in (stage.place(name) for name in ("anna", "ben", "cara", "dan")):
        people[y - 3 + RADIUS, x - 2 + RADIUS] = 1.0
    assert (channel(stage, "anna", "person") == people).all()
    rivals = channel(stage, "anna", "rival")
    assert rivals[1, 3] == pytest.approx(0.7) and np.count_nonzero(rivals) == 1
    stage.ticks(2, anna="move_west")
    assert (channel(stage, "anna", "blocked")[:, :2] == 1.0).all()


def test_full_observations_show_every_step_that_leads_nearer() -> None:
    stage = stage_with(mode="full")
    stage.ticks(2, anna="move_west")
    stage.tick(anna="move_north")
    stage.tick(anna="move_north")
    # From (0, 1) the nearest tile within reach of (3, 3) is (2, 2).
    seen = {side: stage.sees("anna", f"shower_way_{side}") for side in ("north", "south", "west", "east")}
    assert seen == {"north": 0.0, "south": 1.0, "west": 0.0, "east": 1.0}


@pytest.mark.parametrize("mode", ["compact", "full"])
def test_without_conflict_features_exactly_those_are_0_and_all_others_stay_in_place(mode: str) -> None:
    def lived(shown: bool) -> Town:
        town = Town(shower_room(**merge(quarrel, {"observations": {"conflict_features": shown}})), worlds=4, seed=3)
        behavior, shape = RandomBehavior(), town.alive.shape
        action, unused = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
        differences = np.zeros(len(town.observation_schema), np.bool_)
        for _ in range(60):
            behavior.act(town, action, unused, unused.copy())
            town.step(action)
            differences |= town.observation.any((0, 1))
        nonzero.append(differences)
        return town

    quarrel = {"observations": {"mode": mode, "map_radius": RADIUS, "offers": True}}
    nonzero: list[np.ndarray] = []
    shown, hidden = lived(True), lived(False)
    conflict = np.array([entry["conflict"] for entry in shown.observation_schema])
    assert [entry["name"] for entry in shown.observation_schema] == [
        entry["name"] for entry in hidden.observation_schema
    ]
    assert nonzero[0][conflict].any() and not nonzero[1][conflict].any()
    assert (shown.observation[..., ~conflict] == hidden.observation[..., ~conflict]).all()
    names = {entry["name"] for entry in shown.observation_schema if entry["conflict"]}
    assert {"ahead", "queue_length", "rivalry_strongest", "rivalry_mean", "shower_queue", "neighbor1_rivalry"} <= names
    assert names >= {"shower_wait", "shower_coming", "shower_tie"}
    assert not names & {"need_hunger", "x", "wallet", "shower_distance", "neighbor1_trust", "shower_ready", "slack"}
