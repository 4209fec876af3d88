"""What each person sees of the people and tiles around."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.observation.schema import MAP_CHANNELS, PER_PERSON
from townlet.world.observation.view import SIGHT, View
from townlet.world.rules.relationships import faded, find_tie
from townlet.world.rules.rivalry import rivalry_towards
from townlet.world.state.arrays import TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout
from townlet.world.state.occupancy import seen_dx, seen_dy, seen_person

_N_CHANNELS = len(MAP_CHANNELS)


@rule
def see_neighbors(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int, i: int) -> None:
    """The nearest people in view."""
    person = town.people[w, a]
    out = town.observation[w, a]
    shown = min(person.seen, view.neighbors)
    for n in range(shown):
        key = town.near[w, a, n]
        other = seen_person(key)
        out[i] = 1.0
        out[i + 1] = seen_dx(key, layout.sight) * view.scale[SIGHT]
        out[i + 2] = seen_dy(key, layout.sight) * view.scale[SIGHT]
        out[i + 3] = rivalry_towards(town, w, a, other)
        out[i + 4] = person.at_object >= 0 and town.people[w, other].at_object == person.at_object
        k = find_tie(town, w, a, other)
        out[i + 5] = faded(town, rules, w, town.ties[w, a, k].trust, town.ties[w, a, k].since) if k >= 0 else 0.0
        out[i + 6] = faded(town, rules, w, town.ties[w, a, k].familiarity, town.ties[w, a, k].since) if k >= 0 else 0.0
        i += PER_PERSON
    if person.shown_seen > shown:
        out[i : i + PER_PERSON * (person.shown_seen - shown)] = 0.0
    person.shown_seen = shown


@rule
def see_map(town: TownState, layout: TownLayout, view: View, w: int, a: int, i: int) -> None:
    """The surroundings, channel by channel, row by row."""
    person = town.people[w, a]
    out = town.observation[w, a]
    side = 2 * view.map_radius + 1
    area = side * side
    if person.restless:
        for row in range(side):
            for column in range(side):
                at = i + row * side + column
                out[at] = view.map_blocked[person.y + row, person.x + column]
                out[at + area] = view.map_object[person.y + row, person.x + column]
    out[i + 2 * area : i + _N_CHANNELS * area] = 0.0
    x = person.x + layout.margin - view.map_radius
    y = person.y + layout.margin - view.map_radius
    word = x >> 5
    shift = int(x & 31)
    window = (1 << side) - 1
    for row in range(side):
        bits = (town.crowd[w, word, y + row] >> shift) & window
        if bits != 0:
            see_map_row(town, layout, view, w, a, row, bits, i + 2 * area + row * side)


@rule
def see_map_row(town: TownState, layout: TownLayout, view: View, w: int, a: int, row: int, bits: int, i: int) -> None:
    """The people in a row of the map, from feature ``i`` on, and the grudges against them."""
    person = town.people[w, a]
    out = town.observation[w, a]
    side = 2 * view.map_radius + 1
    start = (person.y + row - view.map_radius) * layout.width + person.x - view.map_radius
    for column in range(side):
        if (bits >> column) & 1:
            out[i + column] = 1.0
            if person.grudges > 0:
                out[i + side * side + column] = rivalry_towards(town, w, a, town.occupant[w, start + column])
