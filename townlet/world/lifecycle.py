"""Coming and going: a person's start, fainting, and the newcomer who takes the place."""

from __future__ import annotations

from townlet.world.compile import rule
from townlet.world.events import FAINT, NEWCOMER, record
from townlet.world.layout import TownLayout
from townlet.world.queues import drop_place
from townlet.world.random import START_NEEDS, WORLD_STREAM, draw
from townlet.world.rivalry import forget_person
from townlet.world.rules import TownRules
from townlet.world.state import IDLE, OFF, TownState


@rule
def place_person(
    town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, w: int, a: int, tile: int
) -> None:
    """Put a new person into a slot, on a free tile."""
    person = town.people[w, a]
    person.alive = True
    person.terminated = False
    person.tile = tile
    town.occupant[w, tile] = a
    for n in range(3):
        jitter = draw(seed, WORLD_STREAM, world, town.worlds[w].clock, 3 * a + n, START_NEEDS) * rules.start_jitter
        person.needs[n] = max(layout.start_needs[a, n] - jitter, 0.0)
    person.starving = 0
    person.joining = -1
    person.role = IDLE
    person.at_object = -1
    person.affordance = -1
    person.remaining = 0
    person.used = -1
    person.favored = False
    person.waited = 0
    person.rank = 0
    person.shift_state = OFF
    person.arrived = False
    person.wallet = 0.0
    forget_person(town, w, a)
    for thing in range(len(layout.object_tile)):
        town.cooldown_until[w, a, thing] = 0


@rule
def replace_fainted(town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, w: int) -> None:
    """End the episodes of those who lacked a need for too long, and let newcomers into empty slots."""
    for a in range(layout.people):
        if town.people[w, a].alive:
            if town.people[w, a].starving >= rules.faint_after:
                remove_person(town, rules, w, a)
        elif town.worlds[w].tick >= town.people[w, a].newcomer_at:
            tile = nearest_free_tile(town, layout, w, layout.start_tile[a])
            if tile >= 0:
                place_person(town, layout, rules, seed, world, w, a, tile)
                record(town, w, NEWCOMER, -1, a, -1, 0, -1)


@rule
def nearest_free_tile(town: TownState, layout: TownLayout, w: int, start: int) -> int:
    """The free tile nearest to another in a straight line that can be walked to from there, or −1 if all are taken."""
    best = -1
    best_distance = 0
    for tile in range(len(layout.blocked)):
        if layout.region[tile] == layout.region[start] and town.occupant[w, tile] < 0:
            dx = tile % layout.width - start % layout.width
            dy = tile // layout.width - start // layout.width
            distance = dx * dx + dy * dy
            if best < 0 or distance < best_distance:
                best = tile
                best_distance = distance
    return best


@rule
def remove_person(town: TownState, rules: TownRules, w: int, a: int) -> None:
    """Take somebody out of the town, its place in any queue and everybody's grudges."""
    person = town.people[w, a]
    person.terminated = True
    person.alive = False
    person.newcomer_at = town.worlds[w].tick + rules.newcomer_after
    town.occupant[w, person.tile] = -1
    if person.role != IDLE:
        drop_place(town, w, a)
    forget_person(town, w, a)
    record(town, w, FAINT, -1, a, -1, 0, -1)
