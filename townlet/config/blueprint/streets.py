"""Placement of buildings in rows, with streets between and around them."""

from __future__ import annotations

import math
from typing import NamedTuple

from townlet.config.blueprint.draws import Draws
from townlet.config.blueprint.misfits import Misfit, refusal
from townlet.config.blueprint.model import Blueprint


class Lot(NamedTuple):
    """The ground of one building, whose walls stand on the outermost tiles."""

    kind: str
    number: int
    """Within its kind, from 1."""
    width: int
    height: int
    x: int = 0
    y: int = 0

    @property
    def name(self) -> str:
        """The building's name, such as ``home_1``."""
        return f"{self.kind}_{self.number}"


def place_buildings(blueprint: Blueprint, width: int, height: int) -> list[Lot]:
    """Return a lot for every building, ordered by kind as in the file and then by number.

    Kinds are spread evenly, so that every kind is near everywhere. All gaps are at least a street wide, so that people
    can walk around every building.

    Raises ValidationError if the buildings do not fit on the map.
    """
    lots = _mixed(blueprint)
    most_rows = max(height // (min(lot.height for lot in lots) + blueprint.street), 1)
    plans = [_rows(lots, count) for count in range(1, min(len(lots), most_rows) + 1)]
    rows = max(plans, key=lambda plan: _least_gap(plan, width, height))
    if _least_gap(rows, width, height) < blueprint.street:
        raise refusal([_too_large(blueprint, plans, width, height)])
    placed = []
    tops = _spread([_row_height(row) for row in rows], height)
    for row, top in zip(rows, tops, strict=True):
        lefts = _spread([lot.width for lot in row], width)
        placed += [lot._replace(x=left, y=top) for lot, left in zip(row, lefts, strict=True)]
    kinds = list(blueprint.buildings)
    return sorted(placed, key=lambda lot: (kinds.index(lot.kind), lot.number))


def smallest_map(blueprint: Blueprint) -> tuple[int, int]:
    """Return width and height of the squarest map on which the buildings fit, with streets as narrow as is allowed."""
    lots = _mixed(blueprint)
    # More rows than this make any map of similar buildings narrow and high.
    most_rows = min(len(lots), 3 * math.isqrt(len(lots)) + 1)
    return min((_needed(_rows(lots, count), blueprint.street) for count in range(1, most_rows + 1)), key=max)


def _mixed(blueprint: Blueprint) -> list[Lot]:
    """All lots, in an order that spreads each kind evenly."""
    draws = Draws(blueprint.seed, "order of buildings")
    places = [
        ((number + draws.unit()) / building.count, Lot(kind, number + 1, *building.size))
        for kind, building in blueprint.buildings.items()
        for number in range(building.count)
    ]
    return [lot for _, lot in sorted(places, key=lambda place: place[0])]


def _rows(lots: list[Lot], count: int) -> list[list[Lot]]:
    """The lots in about ``count`` rows of about equal length."""
    rows: dict[int, list[Lot]] = {}
    total = sum(lot.width for lot in lots)
    passed = 0
    for lot in lots:
        rows.setdefault((2 * passed + lot.width) * count // (2 * total), []).append(lot)
        passed += lot.width
    return list(rows.values())


def _row_height(row: list[Lot]) -> int:
    return max(lot.height for lot in row)


def _least_gap(rows: list[list[Lot]], width: int, height: int) -> int:
    """The width of a plan's narrowest street if its streets are as even as possible."""
    across = min((width - sum(lot.width for lot in row)) // (len(row) + 1) for row in rows)
    return min(across, (height - sum(map(_row_height, rows))) // (len(rows) + 1))


def _spread(lengths: list[int], room: int) -> list[int]:
    """The starts of items of given lengths, with gaps around and between them as even as possible."""
    slack, gaps = room - sum(lengths), len(lengths) + 1
    return [sum(lengths[:place]) + slack * (place + 1) // gaps for place in range(len(lengths))]


def _needed(rows: list[list[Lot]], street: int) -> tuple[int, int]:
    """Width and height of the smallest map for a plan."""
    across = max(sum(lot.width + street for lot in row) for row in rows) + street
    return across, sum(_row_height(row) + street for row in rows) + street


def _too_large(blueprint: Blueprint, plans: list[list[list[Lot]]], width: int, height: int) -> Misfit:
    street = blueprint.street
    needed = [_needed(rows, street) for rows in plans]
    wide, high = min(needed, key=lambda size: max(size[0] / width, size[1] / height))
    return Misfit(
        ("blueprint", "buildings"),
        {kind: building.model_dump() for kind, building in blueprint.buildings.items()},
        f"buildings that fit on the {width}×{height} map; with streets {street} wide these need {wide}×{high} tiles",
    )
