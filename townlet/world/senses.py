"""What people can find: the object that a request is for, and the people around them.

People are found through a grid with one bit per tile. A word of it holds 32 tiles of a row and repeats the first 24 of
the next word above them, so that any stretch of up to 17 tiles can be read from one word; the words of a column lie
side by side. The grid has a margin as wide as people see, so that nobody at the edge needs a special case.
"""

from __future__ import annotations

from townlet.world.compile import rule
from townlet.world.intrinsics import lowest_bit, prefetch
from townlet.world.layout import ROWS_AT_ONCE, TILE_BITS, TownLayout
from townlet.world.routes import UNREACHABLE
from townlet.world.state import HELD, OUT_OF_SERVICE, TownState

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
def in_reach(town: TownState, layout: TownLayout, w: int, a: int, thing: int) -> bool:
    """Whether a person touches an object, corners included."""
    person = town.people[w, a]
    dx = person.x - layout.object_x[thing]
    dy = person.y - layout.object_y[thing]
    return bool(-1 <= dx <= 1 and -1 <= dy <= 1)


@rule
def find_target(town: TownState, layout: TownLayout, w: int, a: int, kind: int) -> int:
    """The object that a request of a type is for, or −1: the nearest that is free, or, if all are taken, the nearest.

    Objects out of service or cooling down for this person are passed over. Of the type of its own workplace a person
    goes to no other. There is always room in a queue: people queue on the eight tiles around the object.
    """
    tile = town.people[w, a].tile
    place = layout.workplace[a]
    if place >= 0 and layout.object_type[place] == kind:
        reachable = layout.work[layout.work_row[a], tile].distance < UNREACHABLE
        return int(place) if reachable and can_queue(town, w, a, place) else -1
    nearest = -1
    for c in range(layout.near_object.shape[2]):
        thing = layout.near_object[tile, kind, c]
        if thing < 0:
            break
        if can_queue(town, w, a, thing):
            if town.signs[w, thing] & HELD == 0 or town.objects[w, thing].holder == a:
                return int(thing)
            if nearest < 0:
                nearest = int(thing)
    return nearest


@rule
def can_queue(town: TownState, w: int, a: int, thing: int) -> bool:
    """Whether an object is in service and the person's cooldown on it is over."""
    return bool(town.signs[w, thing] & OUT_OF_SERVICE == 0 and cooldown_left(town, w, a, thing) <= 0)


@rule
def cooldown_left(town: TownState, w: int, a: int, thing: int) -> int:
    """Ticks until a person can queue for an object again."""
    tick = town.worlds[w].tick
    if town.people[w, a].cooling_until > tick:
        for i in range(town.cooldowns.shape[2]):
            if town.cooldowns[w, a, i].object == thing:
                return int(max(town.cooldowns[w, a, i].until - tick, 0))
    return 0


@rule
def nearest_of(layout: TownLayout, a: int, tile: int, kind: int) -> int:
    """The object of a type that a person would go to if nothing stood against it, or −1."""
    place = layout.workplace[a]
    if place >= 0 and layout.object_type[place] == kind:
        return int(place)
    return int(layout.nearest[tile, kind].thing)


@rule
def steps_to(layout: TownLayout, a: int, tile: int, kind: int, thing: int) -> int:
    """Steps from a tile into reach of an object that :func:`find_target` or :func:`nearest_of` named."""
    if thing == layout.workplace[a]:
        return int(layout.work[layout.work_row[a], tile].distance)
    c = candidate(layout, tile, kind, thing)
    return int(layout.near_distance[tile, kind, c]) if c >= 0 else UNREACHABLE


@rule
def route_to(layout: TownLayout, a: int, tile: int, kind: int, thing: int) -> int:
    """The ways from a tile to such an object; see :mod:`townlet.world.routes`."""
    if thing == layout.workplace[a]:
        return int(layout.work[layout.work_row[a], tile].route)
    c = candidate(layout, tile, kind, thing)
    return int(layout.near_route[tile, kind, c]) if c >= 0 else 0


@rule
def candidate(layout: TownLayout, tile: int, kind: int, thing: int) -> int:
    """The place of an object among those of its type nearest to a tile, or −1."""
    for c in range(layout.near_object.shape[2]):
        if layout.near_object[tile, kind, c] == thing:
            return c
    return -1


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
