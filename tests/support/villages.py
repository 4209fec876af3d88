"""A small town from a blueprint, and the check that everything in a town can be reached."""

from __future__ import annotations

from typing import Any

import yaml

from townlet.config import Scenario
from townlet.config.references import find_broken_references

#: A small town; its line numbers appear in the messages.
VILLAGE = """\
name: village
description: Six people, two homes and a mill.
ticks: 100
ticks_per_day: 50
map: {width: 24, height: 24}
blueprint:
  seed: 3
  street: 1
  buildings:
    home:
      count: 2
      size: [8, 6]
      objects: {bed: 3}
    mill:
      size: [7, 7]
      doors: 2
      objects: {stone: 2}
  people:
    count: 6
    home: home
    per_home: 3
    needs: {energy: [0.25, 0.75]}
    personality: {patience: [0.0, 0.2]}
  jobs:
    miller:
      building: mill
      object: stone
      share: 0.5
      shifts: [[5, 20], [15, 30]]
      wage: 0.1
affordances:
  sleep: {object: bed, ticks: 5, effects: {energy: 0.3}}
  grind: {object: stone, ticks: 2, work: true}
schedule:
  anna: [{at: 0, do: use bed}]
"""


def village(**changes: Any) -> Scenario:
    """The village with changes to its blueprint."""
    content = yaml.safe_load(VILLAGE)
    content["blueprint"] |= changes
    return Scenario.model_validate(content)


def free_tiles(scenario: Scenario) -> set[tuple[int, int]]:
    tiles = {(x, y) for x in range(scenario.map.width) for y in range(scenario.map.height)}
    for wall in scenario.map.walls:
        (left, right), (top, bottom) = (sorted(pair) for pair in zip(wall.corner, wall.opposite, strict=True))
        tiles -= {(x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)}
    return tiles - {thing.at for thing in scenario.objects.values()}


def reachable(tiles: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """The tiles that can be walked to from one of them."""
    start = min(tiles)
    reached, frontier = {start}, [start]
    while frontier:
        x, y = frontier.pop()
        for tile in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)):
            if tile in tiles and tile not in reached:
                reached.add(tile)
                frontier.append(tile)
    return reached


def assert_everything_is_in_reach(scenario: Scenario) -> None:
    assert find_broken_references(scenario) == []
    free = free_tiles(scenario)
    assert reachable(free) == free
    for name, thing in scenario.objects.items():
        x, y = thing.at
        assert free & {(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)}, name
