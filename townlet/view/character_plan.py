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
    marked: NDArray[np.str_]
    """str [rows, columns]: the characters of walls, objects and people alone; a space elsewhere, also in a name."""
    scale: int
    """Tiles in each direction that a character stands for."""


def character_plan(scenario: Scenario, plan: FloorPlan, widest: int | None = None) -> CharacterPlan:
    """Draw a town's floor plan, with its people where they start.

    In a map of more than ``widest`` columns, a character stands for a square of tiles: for a person in it, else an
    object, else a wall.
    """
    scale = 1 if widest is None else -(-scenario.map.width // max(widest, 1))
    letters = letters_of(scenario.object_types)
    marked = np.where(_any_in_blocks(plan.walls, scale), WALL, " ")
    for item in scenario.objects.values():
        marked[item.at[1] // scale, item.at[0] // scale] = letters[item.type]
    for person in scenario.people.values():
        marked[person.at[1] // scale, person.at[0] // scale] = PERSON
    tiles = marked.copy()
    for room, name in enumerate(plan.names):
        _write(tiles, _any_in_blocks(plan.rooms == room, scale), name)
    legend = {letter: kind for kind, letter in letters.items()}
    return CharacterPlan(["".join(row).rstrip() for row in tiles], legend, marked, scale)


def letters_of(kinds: tuple[str, ...]) -> dict[str, str]:
    """A letter of its own for each type: the first of its name that is free, as a capital if need be."""
    taken: dict[str, str] = {}
    for kind in kinds:
        spare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        choices = [letter for letter in [*kind, *kind.upper(), *spare] if letter.isalnum()]
        taken[kind] = next((letter for letter in choices if letter not in taken.values()), "?")
    return taken


def _any_in_blocks(tiles: NDArray[np.bool_], scale: int) -> NDArray[np.bool_]:
    """Whether any tile of a square of ``scale`` × ``scale`` is set, bool [rows, columns]."""
    height, width = (-(-size // scale) for size in tiles.shape)
    padded = np.zeros((height * scale, width * scale), np.bool_)
    padded[: tiles.shape[0], : tiles.shape[1]] = tiles
    found: NDArray[np.bool_] = np.logical_or.reduce(padded.reshape(height, scale, width, scale), axis=(1, 3))
    return found


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
