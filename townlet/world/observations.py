"""What each person sees: numbers about itself, about every type of object, and about the people nearest to it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.config.rules import ObservationConfig
from townlet.config.scenario import Scenario
from townlet.config.town import NEEDS
from townlet.world.actions import chosen_object, queue_place
from townlet.world.compile import rule
from townlet.world.layout import TownLayout
from townlet.world.rivalry import rivalry_towards
from townlet.world.rules import TownRules
from townlet.world.state import FINISHED, HOLDING, QUEUE_PLACES, SHIFT_STATES, USING, WAITING, TownState

#: Ticks of waiting at which the waiting feature saturates.
LONG_WAIT = 32


class View(NamedTuple):
    """How far and how many others a person sees."""

    neighbors: int
    offset: NDArray[np.int64]
    """int64 [V, 2]: x and y offsets of the tiles in view, nearest first, without the person's own."""
    radius: int


def build_view(config: ObservationConfig) -> View:
    """The view of a configuration."""
    r = config.view_radius
    tiles = [(x, y) for y in range(-r, r + 1) for x in range(-r, r + 1) if (x, y) != (0, 0)]
    tiles.sort(key=lambda tile: (tile[0] ** 2 + tile[1] ** 2, tile[1], tile[0]))
    return View(config.neighbors, np.array(tiles, np.int64), r)


def observation_schema_of(scenario: Scenario) -> list[dict[str, Any]]:
    """Name, low, high and meaning of every feature, in order; :func:`observe` writes the same list."""
    object_types, neighbors = scenario.object_types, scenario.observations.neighbors
    features: list[tuple[str, float, float, str]] = [
        *((f"need_{need}", 0, 1, f"level of {need}; 1 is satisfied") for need in NEEDS),
        ("x", 0, 1, "column, west to east"),
        ("y", 0, 1, "row, north to south"),
        ("time_of_day", 0, 1, "share of the day that is over"),
        ("waiting", 0, 1, "waits in a queue"),
        ("holding", 0, 1, "has an object reserved and does not use it"),
        ("using", 0, 1, "uses an object"),
        ("finished", 0, 1, "has just finished a use and still has the object"),
        ("ahead", 0, 1, f"people ahead in the own queue, of {QUEUE_PLACES}"),
        ("queue_length", 0, 1, f"people waiting at the own object, of {QUEUE_PLACES}"),
        ("waited", 0, 1, f"ticks waited in the own queue, of {LONG_WAIT}"),
        ("stalled", 0, 1, "ticks the own object was held unused before others, of those until a ghost step"),
        ("use_left", 0, 1, "share of the running use that is left"),
        ("camped", 0, 1, "ticks of using again before others, of those until an overstay"),
        ("employed", 0, 1, "has a job"),
        *((f"shift_{state}", 0, 1, f"today's shift is in the state {state}") for state in SHIFT_STATES),
        ("to_shift_start", -1, 1, "ticks until the shift's start, in days"),
        ("to_shift_end", -1, 1, "ticks until the shift's end, in days"),
        ("at_workplace", 0, 1, "stands in reach of the workplace"),
        ("rivalry_strongest", 0, 1, "strongest grudge held"),
        ("rivalry_mean", 0, 1, "sum of grudges held, of the most that can be held"),
        ("rivals", 0, 1, "grudges at or above the avoid threshold, of the most that can be held"),
    ]
    for name in object_types:
        features += [
            (f"{name}_reachable", 0, 1, f"there is a {name} to walk to"),
            (f"{name}_dx", -1, 1, f"columns to the {name} that a request is for, of the map's width"),
            (f"{name}_dy", -1, 1, f"rows to that {name}, of the map's height"),
            (f"{name}_distance", 0, 1, "steps to it, of the map's width plus height"),
            (f"{name}_queue", 0, 1, f"people waiting there, of {QUEUE_PLACES}"),
            (f"{name}_held", 0, 1, "somebody has it reserved or uses it"),
            (f"{name}_in_use", 0, 1, "somebody uses it"),
            (f"{name}_cooldown", 0, 1, "share of the own cooldown there that is left"),
            (f"{name}_rivalry", 0, 1, "strongest grudge against anybody there"),
        ]
    for i in range(1, neighbors + 1):
        features += [
            (f"neighbor{i}_seen", 0, 1, f"there is a {i}. nearest person in view"),
            (f"neighbor{i}_dx", -1, 1, "its columns from here, of the view's radius"),
            (f"neighbor{i}_dy", -1, 1, "its rows from here, of the view's radius"),
            (f"neighbor{i}_rivalry", 0, 1, "grudge against it"),
            (f"neighbor{i}_same_queue", 0, 1, "it queues for, holds or uses the own object"),
        ]
    return [{"name": n, "low": float(lo), "high": float(hi), "meaning": meaning} for n, lo, hi, meaning in features]


@rule
def observe(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int) -> None:
    """Fill the observations of a world, float32 [A, F]; those of empty slots are 0."""
    for a in range(layout.people):
        out = town.observation[w, a]
        if not town.people[w, a].alive:
            out[:] = 0.0
            continue
        i = see_self(town, layout, rules, w, a, out)
        i = see_shift(town, layout, rules, w, a, out, i)
        i = see_grudges(town, rules, w, a, out, i)
        for kind in range(layout.nearest.shape[0]):
            i = see_objects(town, layout, rules, w, a, kind, out, i)
        see_neighbors(town, layout, view, w, a, out, i)


@rule
def see_self(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, out: np.ndarray) -> int:
    """Needs, place, time and the own part in a queue; returns the index of the next feature."""
    person = town.people[w, a]
    for n in range(3):
        out[n] = person.needs[n]
    out[3] = (person.tile % layout.width) / max(layout.width - 1, 1)
    out[4] = (person.tile // layout.width) / max(layout.height - 1, 1)
    out[5] = (town.worlds[w].tick % rules.ticks_per_day) / rules.ticks_per_day
    out[6] = person.role == WAITING
    out[7] = person.role == HOLDING
    out[8] = person.role == USING
    out[9] = person.role == FINISHED
    out[10:16] = 0.0
    if person.at_object >= 0:
        queue = town.objects[w, person.at_object]
        out[11] = queue.queue_length / QUEUE_PLACES
        if person.role == WAITING:
            out[10] = (queue_place(town, w, a) + (queue.holder >= 0)) / QUEUE_PLACES
            out[12] = min(person.waited / LONG_WAIT, 1.0)
        else:
            out[13] = min(queue.idle_ticks / rules.ghost_step_after, 1.0)
            out[15] = min(queue.camped / rules.fair_use_ticks, 1.0)
        if person.role == USING:
            out[14] = person.remaining / rules.affordance_ticks[person.affordance]
    return 16


@rule
def see_shift(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, out: np.ndarray, i: int) -> int:
    """Where the person stands with its shift; all 0 without a job."""
    out[i : i + 10] = 0.0
    thing = layout.workplace[a]
    if thing >= 0:
        time = town.worlds[w].tick % rules.ticks_per_day
        out[i] = 1.0
        out[i + 1 + town.people[w, a].shift_state] = 1.0
        out[i + 7] = (layout.shift[a, 0] - time) / rules.ticks_per_day
        out[i + 8] = (layout.shift[a, 1] - time) / rules.ticks_per_day
        out[i + 9] = layout.distance[thing, town.people[w, a].tile] == 0
    return i + 10


@rule
def see_grudges(town: TownState, rules: TownRules, w: int, a: int, out: np.ndarray, i: int) -> int:
    """The own grudges in three numbers."""
    edges = town.grudges.shape[2]
    strongest = 0.0
    total = 0.0
    rivals = 0
    for k in range(edges):
        grudge = town.grudges[w, a, k]
        strongest = max(strongest, grudge.strength)
        total += grudge.strength
        if grudge.other >= 0 and grudge.strength >= rules.avoid_threshold:
            rivals += 1
    out[i] = strongest
    out[i + 1] = total / edges
    out[i + 2] = rivals / edges
    return i + 3


@rule
def see_objects(
    town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, kind: int, out: np.ndarray, i: int
) -> int:
    """The object of a type that a request would be for, or the nearest while all of them cool down."""
    tile = town.people[w, a].tile
    thing = chosen_object(town, layout, w, a, kind)
    if thing < 0:
        thing = layout.nearest[kind, tile, 0]
    out[i : i + 9] = 0.0
    if thing >= 0:
        there = layout.object_tile[thing]
        queue = town.objects[w, thing]
        out[i] = 1.0
        out[i + 1] = (there % layout.width - tile % layout.width) / layout.width
        out[i + 2] = (there // layout.width - tile // layout.width) / layout.height
        out[i + 3] = min(layout.distance[thing, tile] / (layout.width + layout.height), 1.0)
        out[i + 4] = queue.queue_length / QUEUE_PLACES
        left = town.cooldown_until[w, a, thing] - town.worlds[w].tick
        if left > 0:
            out[i + 7] = left / max(rules.cooldown_ticks, 1)
        grudge = 0.0
        if queue.holder >= 0:
            out[i + 5] = 1.0
            out[i + 6] = town.people[w, queue.holder].role == USING
            grudge = rivalry_towards(town, w, a, queue.holder)
        for place in range(queue.queue_length):
            grudge = max(grudge, rivalry_towards(town, w, a, queue.queue[place]))
        out[i + 8] = grudge
    return i + 9


@rule
def see_neighbors(town: TownState, layout: TownLayout, view: View, w: int, a: int, out: np.ndarray, i: int) -> None:
    """The nearest people in view, found through the grid, so that the cost does not grow with the town."""
    person = town.people[w, a]
    x = person.tile % layout.width
    y = person.tile // layout.width
    end = i + 5 * view.neighbors
    for v in range(view.offset.shape[0]):
        if i == end:
            break
        nx = x + view.offset[v, 0]
        ny = y + view.offset[v, 1]
        if nx < 0 or ny < 0 or nx >= layout.width or ny >= layout.height:
            continue
        other = town.occupant[w, ny * layout.width + nx]
        if other >= 0:
            out[i] = 1.0
            out[i + 1] = view.offset[v, 0] / view.radius
            out[i + 2] = view.offset[v, 1] / view.radius
            out[i + 3] = rivalry_towards(town, w, a, other)
            out[i + 4] = person.at_object >= 0 and town.people[w, other].at_object == person.at_object
            i += 5
    out[i:end] = 0.0
