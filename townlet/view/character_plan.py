"""Floor plan of a town in characters: a letter for each type of object, and the names of the rooms in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.config.scenario import Scenario
from townlet.view.floor_plan import FloorPlan

WALL, PERSON = "#", "@"


class CharacterPlan(NamedTuple):
    """A floor plan in characters."""

    lines: list[str]
    """One line per row of tiles, without spaces at its end."""
    legend: dict[str, str]
    """Type of object by its letter."""


def character_plan(scenario: Scenario, plan: FloorPlan) -> CharacterPlan:
    """Draw a town's floor plan, with its people where they start."""
    letters = _letters(scenario.object_types)
    tiles = np.where(plan.walls, WALL, " ")
    for item in scenario.objects.values():
        tiles[item.at[1], item.at[0]] = letters[item.type]
    for person in scenario.people.values():
        tiles[person.at[1], person.at[0]] = PERSON
    for room, name in enumerate(plan.names):
        _write(tiles, plan.rooms == room, name)
    legend = {letter: kind for kind, letter in letters.items()}
    return CharacterPlan(["".join(row).rstrip() for row in tiles], legend)


def _letters(kinds: tuple[str, ...]) -> dict[str, str]:
    """A letter of its own for each type: the first of its name that is free, as a capital if need be."""
    taken: dict[str, str] = {}
    for kind in kinds:
        spare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        choices = [letter for letter in [*kind, *kind.upper(), *spare] if letter.isalnum()]
        taken[kind] = next((letter for letter in choices if letter not in taken.values()), "?")
    return taken


def _write(tiles: NDArray[np.str_], room: NDArray[np.bool_], name: str) -> None:
    """Write a room's name into it, in the row nearest to its middle that has space."""
    rows = np.flatnonzero(room.any(axis=1))
    middle = rows.mean() if len(rows) else 0.0
    # With a space on either side, if there is one.
    for margin in (1, 0) if name else ():
        for y in sorted(rows.tolist(), key=lambda row: abs(row - middle)):
            free = "".join(np.where(room[y] & (tiles[y] == " "), " ", WALL))
            start = free.find(" " * (len(name) + 2 * margin))
            if start >= 0:
                tiles[y, start + margin : start + margin + len(name)] = list(name)
                return
