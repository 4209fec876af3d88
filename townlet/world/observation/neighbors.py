"""Features of the people in view and of the map around each person."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.observation.schema import MAP_CHANNEL, NEIGHBOR_FEATURE, neighbor_block
from townlet.world.observation.view import SIGHT, View
from townlet.world.rules.relationships import faded, find_tie
from townlet.world.rules.rivalry import rivalry_towards
from townlet.world.state.arrays import TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout
from townlet.world.state.occupancy import columns_to, person_in_view, rows_to

_N_CHANNELS = len(MAP_CHANNEL)


@rule
def write_neighbors(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int) -> None:
    """Write the features of the nearest people in view, and zeros in place of those who are no longer there."""
    person = town.people[w, a]
    out = town.observation[w, a]
    types = town.target.shape[2]
    count = min(person.neighbor_count, view.neighbors)
    for n in range(count):
        key = town.neighbors[w, a, n]
        other = person_in_view(key)
        i = neighbor_block(types, n)
        out[i + NEIGHBOR_FEATURE.seen] = 1.0
        out[i + NEIGHBOR_FEATURE.dx] = columns_to(key, layout.sight) * view.scale[SIGHT]
        out[i + NEIGHBOR_FEATURE.dy] = rows_to(key, layout.sight) * view.scale[SIGHT]
        out[i + NEIGHBOR_FEATURE.rivalry] = rivalry_towards(town, w, a, other)
        same_queue = person.at_object >= 0 and town.people[w, other].at_object == person.at_object
        out[i + NEIGHBOR_FEATURE.same_queue] = same_queue
        k = find_tie(town, w, a, other)
        trust = faded(town, rules, w, town.ties[w, a, k].trust, town.ties[w, a, k].since) if k >= 0 else 0.0
        out[i + NEIGHBOR_FEATURE.trust] = trust
        familiarity = faded(town, rules, w, town.ties[w, a, k].familiarity, town.ties[w, a, k].since) if k >= 0 else 0.0
        out[i + NEIGHBOR_FEATURE.familiarity] = familiarity
    if person.observed_neighbors > count:
        out[neighbor_block(types, count) : neighbor_block(types, person.observed_neighbors)] = 0.0
    person.observed_neighbors = count


@rule
def write_map(town: TownState, layout: TownLayout, view: View, w: int, a: int) -> None:
    """Write the map of the surroundings, channel by channel and row by row."""
    person = town.people[w, a]
    out = town.observation[w, a]
    first = neighbor_block(town.target.shape[2], view.neighbors)
    side = 2 * view.map_radius + 1
    area = side * side
    if person.moved_or_retargeted:
        for row in range(side):
            for column in range(side):
                i = first + row * side + column
                out[i + MAP_CHANNEL.blocked * area] = view.map_blocked[person.y + row, person.x + column]
                out[i + MAP_CHANNEL.object * area] = view.map_object[person.y + row, person.x + column]
    people = first + MAP_CHANNEL.person * area
    out[people : first + _N_CHANNELS * area] = 0.0
    x = person.x + layout.margin - view.map_radius
    y = person.y + layout.margin - view.map_radius
    word = x >> 5
    shift = int(x & 31)
    window = (1 << side) - 1
    for row in range(side):
        bits = (town.occupancy_bits[w, word, y + row] >> shift) & window
        if bits != 0:
            write_map_row(town, layout, view, w, a, row, bits, people + row * side)


@rule
def write_map_row(town: TownState, layout: TownLayout, view: View, w: int, a: int, row: int, bits: int, i: int) -> None:
    """Write the people in a row of the map, from feature ``i`` on, and the grudges against them."""
    person = town.people[w, a]
    out = town.observation[w, a]
    side = 2 * view.map_radius + 1
    rival = (MAP_CHANNEL.rival - MAP_CHANNEL.person) * side * side
    start = (person.y + row - view.map_radius) * layout.width + person.x - view.map_radius
    for column in range(side):
        if (bits >> column) & 1:
            out[i + column] = 1.0
            if person.grudges > 0:
                other = town.tile_occupant[w, start + column]
                out[i + rival + column] = rivalry_towards(town, w, a, other)
