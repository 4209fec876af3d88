"""Occupancy of tiles, and the neighbors that a person has in view.

Neighbors are found in a grid with one bit per tile, ``occupancy_bits``. A word holds 32 tiles of a row in its lower
half and repeats the first 24 tiles of the next word above them, so that any 17 tiles in a row can be read from one
word. The words of a column lie side by side. The grid has a margin as wide as people see, so the edge needs no special
case.
"""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.engine.intrinsics import lowest_bit, prefetch
from townlet.world.state.arrays import TownState
from townlet.world.state.layout import ROWS_AT_ONCE, TILE_BITS, TownLayout

#: A neighbor is one number, a key: from the highest bit on the squared distance, row and column in view, and person.
#: Sorting the keys sorts the neighbors by distance.
_PERSON_BITS = 15
_PERSON_MASK, _TILE_MASK = (1 << _PERSON_BITS) - 1, (1 << TILE_BITS) - 1
#: Greater than any key.
_NOBODY = 1 << 62


@rule
def flip_tile(town: TownState, layout: TownLayout, w: int, a: int) -> None:
    """Flip the bit of a person's tile in the occupancy grid."""
    x = town.people[w, a].x + layout.margin
    y = town.people[w, a].y + layout.margin
    word = x >> 5
    bit = int(x & 31)
    town.occupancy_bits[w, word, y] ^= 1 << bit
    # Without a branch, because the processor cannot predict where people are.
    repeated = 1 if bit < 24 and word > 0 else 0
    town.occupancy_bits[w, max(word - 1, 0), y] ^= repeated << (bit + 32)


@rule
def stand_on(town: TownState, layout: TownLayout, w: int, a: int, tile: int) -> None:
    """Place a person who is on no tile on a free one."""
    y = tile // layout.width
    stand_at(town, layout, w, a, tile - y * layout.width, y)


@rule
def stand_at(town: TownState, layout: TownLayout, w: int, a: int, x: int, y: int) -> None:
    """Place a person who is on no tile on the free tile at a column and a row."""
    tile = y * layout.width + x
    person = town.people[w, a]
    person.x = x
    person.y = y
    person.tile = tile
    person.moved_or_retargeted = True
    town.tile_occupant[w, tile] = a
    flip_tile(town, layout, w, a)
    # In a large town these are in no cache; waiting for them took a twentieth of the time.
    prefetch(layout.nearest, tile, 0)
    prefetch(layout.nearest, tile, layout.nearest.shape[1] >> 1)
    prefetch(layout.nearest, tile, layout.nearest.shape[1] - 1)
    if layout.work_row[a] >= 0:
        prefetch(layout.work, layout.work_row[a], tile)


@rule
def step_off(town: TownState, layout: TownLayout, w: int, a: int) -> None:
    """Take a person off their tile."""
    town.tile_occupant[w, town.people[w, a].tile] = -1
    flip_tile(town, layout, w, a)


@rule
def free_directions(town: TownState, layout: TownLayout, w: int, a: int) -> int:
    """The directions in which nothing blocks the next tile: bits for north, south, west and east from the lowest on."""
    person = town.people[w, a]
    x = person.x + layout.margin - 1
    y = person.y + layout.margin
    word = x >> 5
    shift = int(x & 31)
    north = town.occupancy_bits[w, word, y - 1] >> shift
    south = town.occupancy_bits[w, word, y + 1] >> shift
    beside = town.occupancy_bits[w, word, y] >> shift
    taken = ((north >> 1) & 1) | (south & 2) | ((beside & 1) << 2) | ((beside & 4) << 1)
    return int(layout.open_directions[person.tile] & ~taken)


@rule
def find_neighbors(town: TownState, layout: TownLayout, w: int, a: int) -> None:
    """List the people in a person's view, nearest first, as many as there is room for."""
    person = town.people[w, a]
    sight = layout.sight
    x = person.x + layout.margin - sight
    y = person.y + layout.margin - sight
    word = x >> 5
    shift = int(x & 31)
    # First all rows together, without a branch: often nobody is in view.
    anybody = 0
    for row in range(0, 2 * sight + 1, ROWS_AT_ONCE):
        for i in range(ROWS_AT_ONCE):
            anybody |= (town.occupancy_bits[w, word, y + row + i] >> shift) & layout.in_view[row + i]
    person.neighbor_count = list_neighbors(town, layout, w, a, word, shift, y) if anybody != 0 else 0


@rule
def list_neighbors(town: TownState, layout: TownLayout, w: int, a: int, word: int, shift: int, y: int) -> int:
    """List the people in view and return how many are listed.

    The view begins at bit ``shift`` of column ``word`` of the grid and at row ``y``. As many of its rows as fit into
    one number are searched together.
    """
    nearest = town.neighbors[w, a]
    for i in range(nearest.shape[0]):
        nearest[i] = _NOBODY
    tile = town.people[w, a].tile
    side = 2 * layout.sight + 1
    found = 0
    row = 0
    while row < side:
        first = side * row
        tiles = 0
        bit = 0
        while bit < layout.bits_in_word and row < side:
            tiles |= ((town.occupancy_bits[w, word, y + row] >> shift) & layout.in_view[row]) << bit
            bit += side
            row += 1
        while tiles != 0:
            there = layout.around[first + lowest_bit(tiles)]
            tiles &= tiles - 1
            key = (there.key << _PERSON_BITS) + int(town.tile_occupant[w, tile + there.offset])
            found += 1
            for i in range(nearest.shape[0]):
                # The processor cannot predict where in the list a key belongs, so it is compared with all of them.
                farther = max(nearest[i], key)
                nearest[i] = min(nearest[i], key)
                key = farther
    return int(min(found, nearest.shape[0]))


@rule
def person_in_view(key: int) -> int:
    """The person of a key in ``neighbors``."""
    return int(key & _PERSON_MASK)


@rule
def columns_to(key: int, sight: int) -> int:
    """The columns to the neighbor of a key."""
    return int((key >> _PERSON_BITS) & _TILE_MASK) - sight


@rule
def rows_to(key: int, sight: int) -> int:
    """The rows to the neighbor of a key."""
    return int((key >> (_PERSON_BITS + TILE_BITS)) & _TILE_MASK) - sight


@rule
def is_adjacent(key: int) -> bool:
    """Whether the neighbor of a key stands on one of the eight tiles around."""
    return (key >> (_PERSON_BITS + 2 * TILE_BITS)) <= 2
