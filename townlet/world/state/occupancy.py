"""Occupancy: which tile each person stands on, and the people in view of somebody.

People are found through a grid with one bit per tile. A word of it holds 32 tiles of a row and repeats the first 24 of
the next word above them, so that any stretch of up to 17 tiles can be read from one word; the words of a column lie
side by side. The grid has a margin as wide as people see, so that nobody at the edge needs a special case.
"""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.engine.intrinsics import lowest_bit, prefetch
from townlet.world.state.arrays import TownState
from townlet.world.state.layout import ROWS_AT_ONCE, TILE_BITS, TownLayout

#: A person in view is one number, so that sorting numbers sorts people: squared distance, row and column of the tile
#: in view, person.
_PERSON_BITS = 15
_PERSON_MASK, _TILE_MASK = (1 << _PERSON_BITS) - 1, (1 << TILE_BITS) - 1
#: More than any of these numbers.
_NOBODY = 1 << 62


@rule
def flip_tile(town: TownState, layout: TownLayout, w: int, a: int) -> None:
    """Mark a person's tile in the grid of people, or take the mark away."""
    x = town.people[w, a].x + layout.margin
    y = town.people[w, a].y + layout.margin
    word = x >> 5
    bit = int(x & 31)
    town.crowd[w, word, y] ^= 1 << bit
    # Without a branch, because where people are cannot be predicted.
    repeated = 1 if bit < 24 and word > 0 else 0
    town.crowd[w, max(word - 1, 0), y] ^= repeated << (bit + 32)


@rule
def stand_on(town: TownState, layout: TownLayout, w: int, a: int, tile: int) -> None:
    """Put a person, who is nowhere, on a free tile."""
    y = tile // layout.width
    stand_at(town, layout, w, a, tile - y * layout.width, y)


@rule
def stand_at(town: TownState, layout: TownLayout, w: int, a: int, x: int, y: int) -> None:
    """Put a person, who is nowhere, on the free tile of a column and a row."""
    tile = y * layout.width + x
    person = town.people[w, a]
    person.x = x
    person.y = y
    person.tile = tile
    person.restless = True
    town.occupant[w, tile] = a
    flip_tile(town, layout, w, a)
    # In a large town these are far from anything read lately; a twentieth of the time went into waiting for them.
    prefetch(layout.nearest, tile, 0)
    prefetch(layout.nearest, tile, layout.nearest.shape[1] >> 1)
    prefetch(layout.nearest, tile, layout.nearest.shape[1] - 1)
    if layout.work_row[a] >= 0:
        prefetch(layout.work, layout.work_row[a], tile)


@rule
def step_off(town: TownState, layout: TownLayout, w: int, a: int) -> None:
    """Take a person from its tile."""
    town.occupant[w, town.people[w, a].tile] = -1
    flip_tile(town, layout, w, a)


@rule
def free_ways(town: TownState, layout: TownLayout, w: int, a: int) -> int:
    """The directions in which neither a wall nor a person blocks the next tile, north from the lowest bit on."""
    person = town.people[w, a]
    x = person.x + layout.margin - 1
    y = person.y + layout.margin
    word = x >> 5
    shift = int(x & 31)
    north = town.crowd[w, word, y - 1] >> shift
    south = town.crowd[w, word, y + 1] >> shift
    beside = town.crowd[w, word, y] >> shift
    taken = ((north >> 1) & 1) | (south & 2) | ((beside & 1) << 2) | ((beside & 4) << 1)
    return int(layout.ways[person.tile] & ~taken)


@rule
def find_people(town: TownState, layout: TownLayout, w: int, a: int) -> None:
    """List the people in view of somebody, nearest first, as many as there is room for."""
    person = town.people[w, a]
    sight = layout.sight
    x = person.x + layout.margin - sight
    y = person.y + layout.margin - sight
    word = x >> 5
    shift = int(x & 31)
    # All rows at once first, without a branch: often there is nobody.
    anybody = 0
    for row in range(0, 2 * sight + 1, ROWS_AT_ONCE):
        for i in range(ROWS_AT_ONCE):
            anybody |= (town.crowd[w, word, y + row + i] >> shift) & layout.in_view[row + i]
    person.seen = list_people(town, layout, w, a, word, shift, y) if anybody != 0 else 0


@rule
def list_people(town: TownState, layout: TownLayout, w: int, a: int, word: int, shift: int, y: int) -> int:
    """List the people in view, which begins at a bit of a word and at a row of the grid; returns how many are listed.

    The tiles of as many rows as fit are put side by side in one number.
    """
    near = town.near[w, a]
    for i in range(near.shape[0]):
        near[i] = _NOBODY
    tile = town.people[w, a].tile
    side = 2 * layout.sight + 1
    found = 0
    row = 0
    while row < side:
        first = side * row
        tiles = 0
        bit = 0
        while bit < layout.bits_in_word and row < side:
            tiles |= ((town.crowd[w, word, y + row] >> shift) & layout.in_view[row]) << bit
            bit += side
            row += 1
        while tiles != 0:
            there = layout.around[first + lowest_bit(tiles)]
            tiles &= tiles - 1
            key = (there.key << _PERSON_BITS) + int(town.occupant[w, tile + there.offset])
            found += 1
            for i in range(near.shape[0]):
                # Where in the list it belongs cannot be predicted, so everybody is compared.
                farther = max(near[i], key)
                near[i] = min(near[i], key)
                key = farther
    return int(min(found, near.shape[0]))


@rule
def seen_person(key: int) -> int:
    """Who a listed person is."""
    return int(key & _PERSON_MASK)


@rule
def seen_dx(key: int, sight: int) -> int:
    """Its columns from here."""
    return int((key >> _PERSON_BITS) & _TILE_MASK) - sight


@rule
def seen_dy(key: int, sight: int) -> int:
    """Its rows from here."""
    return int((key >> (_PERSON_BITS + TILE_BITS)) & _TILE_MASK) - sight


@rule
def seen_adjacent(key: int) -> bool:
    """Whether it stands on one of the eight tiles around."""
    return (key >> (_PERSON_BITS + 2 * TILE_BITS)) <= 2
