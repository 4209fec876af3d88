"""What people can find: the object that a request is for, and the people around them.

People are found through a grid with one bit per tile. A word of it holds 32 tiles of a row and repeats the first 24 of
the next word above them, so that any stretch of up to 17 tiles can be read from one word. The grid has a margin as
wide as people see, so that nobody at the edge needs a special case.
"""

from __future__ import annotations

from townlet.world.compile import rule
from townlet.world.layout import TownLayout
from townlet.world.state import TownState

#: A person in view is one number, so that sorting numbers sorts people: squared distance, row and column of the tile
#: in view, person.
_PERSON_BITS, _TILE_BITS = 15, 6
_PERSON_MASK, _TILE_MASK = (1 << _PERSON_BITS) - 1, (1 << _TILE_BITS) - 1


@rule
def flip_tile(town: TownState, layout: TownLayout, w: int, a: int) -> None:
    """Mark a person's tile in the grid of people, or take the mark away."""
    x = town.people[w, a].x + layout.margin
    y = town.people[w, a].y + layout.margin
    word = x >> 5
    bit = int(x & 31)
    town.crowd[w, y, word] ^= 1 << bit
    if word > 0 and bit < 24:
        town.crowd[w, y, word - 1] ^= 1 << (bit + 32)


@rule
def stand_on(town: TownState, layout: TownLayout, w: int, a: int, tile: int) -> None:
    """Put a person, who is nowhere, on a free tile."""
    person = town.people[w, a]
    person.tile = tile
    person.y = tile // layout.width
    person.x = tile - person.y * layout.width
    person.restless = True
    town.occupant[w, tile] = a
    flip_tile(town, layout, w, a)


@rule
def step_off(town: TownState, layout: TownLayout, w: int, a: int) -> None:
    """Take a person from its tile."""
    town.occupant[w, town.people[w, a].tile] = -1
    flip_tile(town, layout, w, a)


@rule
def in_reach(town: TownState, layout: TownLayout, w: int, a: int, thing: int) -> bool:
    """Whether a person touches an object, corners included."""
    person = town.people[w, a]
    dx = person.x - layout.object_x[thing]
    dy = person.y - layout.object_y[thing]
    return bool(-1 <= dx <= 1 and -1 <= dy <= 1)


@rule
def look_around(town: TownState, layout: TownLayout, w: int) -> None:
    """Find what everybody can ask for, if that may have changed, and who is in view."""
    tick = town.worlds[w].tick
    changed = town.worlds[w].changed_types
    for a in range(layout.people):
        if not town.alive[w, a]:
            continue
        person = town.people[w, a]
        if person.cooling_until >= tick:
            person.restless = True
        if person.restless or changed != 0:
            for kind in range(town.target.shape[2]):
                if person.restless or (changed >> kind) & 1:
                    town.target[w, a, kind] = find_target(town, layout, w, a, kind)
        find_people(town, layout, w, a)


@rule
def find_target(town: TownState, layout: TownLayout, w: int, a: int, kind: int) -> int:
    """The object that a request of a type is for, or −1: the nearest that is free, or, if all are taken, the nearest.

    Objects out of service or cooling down for this person are passed over. Of the type of its own workplace a person
    goes to no other. There is always room in a queue: people queue on the eight tiles around the object.
    """
    tile = town.people[w, a].tile
    place = layout.workplace[a]
    if place >= 0 and layout.object_type[place] == kind:
        reachable = layout.work_distance[layout.work_row[a], tile] < 32767
        return int(place) if reachable and can_queue(town, w, a, place) else -1
    nearest = -1
    for c in range(layout.near_object.shape[0]):
        thing = layout.near_object[c, tile, kind]
        if thing < 0:
            break
        if can_queue(town, w, a, thing):
            holder = town.objects[w, thing].holder
            if holder < 0 or holder == a:
                return int(thing)
            if nearest < 0:
                nearest = int(thing)
    return nearest


@rule
def can_queue(town: TownState, w: int, a: int, thing: int) -> bool:
    """Whether an object is in service and the person's cooldown on it is over."""
    if town.objects[w, thing].out_of_service:
        return False
    return cooldown_left(town, w, a, thing) <= 0


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
    return int(layout.near_object[0, tile, kind])


@rule
def steps_to(layout: TownLayout, a: int, tile: int, kind: int, thing: int) -> int:
    """Steps from a tile into reach of an object that :func:`find_target` or :func:`nearest_of` named."""
    if thing == layout.workplace[a]:
        return int(layout.work_distance[layout.work_row[a], tile])
    for c in range(layout.near_object.shape[0]):
        if layout.near_object[c, tile, kind] == thing:
            return int(layout.near_distance[c, tile, kind])
    return 32767


@rule
def route_to(layout: TownLayout, a: int, tile: int, kind: int, thing: int) -> int:
    """The ways from a tile to such an object; see :mod:`townlet.world.routes`."""
    if thing == layout.workplace[a]:
        return int(layout.work_route[layout.work_row[a], tile])
    for c in range(layout.near_object.shape[0]):
        if layout.near_object[c, tile, kind] == thing:
            return int(layout.near_route[c, tile, kind])
    return 0


@rule
def find_people(town: TownState, layout: TownLayout, w: int, a: int) -> None:
    """List the people in view of somebody, nearest first, as many as there is room for."""
    person = town.people[w, a]
    sight = layout.sight
    x = person.x + layout.margin - sight
    y = person.y + layout.margin - sight
    word = x >> 5
    shift = int(x & 31)
    window = (1 << (2 * sight + 1)) - 1
    found = 0
    for row in range(2 * sight + 1):
        bits = (town.crowd[w, y + row, word] >> shift) & window
        if row == sight:
            bits &= ~(1 << sight)
        if bits != 0:
            found = list_row(town, layout, w, a, row, bits, found)
    person.seen = found


@rule
def list_row(town: TownState, layout: TownLayout, w: int, a: int, row: int, bits: int, found: int) -> int:
    """Sort the people of one row of the view into the list of those in view; returns its new length."""
    person = town.people[w, a]
    sight = layout.sight
    near = town.near[w, a]
    dy = row - sight
    for column in range(2 * sight + 1):
        if (bits >> column) & 1 == 0:
            continue
        dx = column - sight
        other = town.occupant[w, (person.y + dy) * layout.width + person.x + dx]
        key = ((((dx * dx + dy * dy) << _TILE_BITS) + row) << _TILE_BITS) + column
        key = (key << _PERSON_BITS) + int(other)
        place = found
        if found < near.shape[0]:
            found += 1
        else:
            place -= 1
            if key > near[place]:
                continue
        while place > 0 and near[place - 1] > key:
            near[place] = near[place - 1]
            place -= 1
        near[place] = key
    return found


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
    return int((key >> (_PERSON_BITS + _TILE_BITS)) & _TILE_MASK) - sight


@rule
def seen_adjacent(key: int) -> bool:
    """Whether it stands on one of the eight tiles around."""
    return (key >> (_PERSON_BITS + 2 * _TILE_BITS)) <= 2
