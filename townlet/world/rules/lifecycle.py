"""Arrivals in town and departures: starts, evictions, moving away, and newcomers."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.random import START_NEEDS, WORLD_STREAM, draw, nth_mover
from townlet.world.rules.actions import WAIT
from townlet.world.rules.queues import withdraw
from townlet.world.rules.rivalry import forget_all
from townlet.world.state.arrays import IDLE, OFF, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.event_log import record
from townlet.world.state.events import DEPARTURE, EVICTION, NEWCOMER
from townlet.world.state.layout import TownLayout
from townlet.world.state.occupancy import stand_on, step_off


@seldom
def place_person(
    town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, w: int, a: int, tile: int
) -> None:
    """Put a new person into a slot and on a free tile."""
    person = town.people[w, a]
    town.alive[w, a] = True
    stand_on(town, layout, w, a, tile)
    for n in range(3):
        jitter = draw(seed, WORLD_STREAM, world, town.worlds[w].clock, 3 * a + n, START_NEEDS) * rules.start_jitter
        person.needs[n] = max(layout.start_needs[a, n] - jitter, 0.0)
    person.wallet = rules.start_wallet
    person.starving = 0
    person.unhappy = 0
    person.leaving = -1
    person.joining = -1
    person.intent = WAIT
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
    person.helped = False
    person.covering = -1
    person.chat_ready_at = 0
    person.neighbor_count = 0
    person.observed_shift = -1
    person.observed_role = IDLE
    person.observed_grudges = 0
    person.observed_neighbors = 0
    forget_all(town, w, a)
    person.ties = 0
    for k in range(town.ties.shape[2]):
        town.ties[w, a, k].other = -1
    person.cooling_until = 0
    for k in range(town.cooldowns.shape[2]):
        town.cooldowns[w, a, k].object = -1
        town.cooldowns[w, a, k].until = 0
    town.observation[w, a, :] = 0.0


@seldom
def evict_debtors(town: TownState, rules: TownRules, order: int, w: int) -> None:
    """Evict people whose debt is too high after the rent; the tick's order decides whom the day's limit spares."""
    people = town.people.shape[1]
    for i in range(people):
        a = nth_mover(order, i, people)
        if town.alive[w, a] and town.people[w, a].wallet <= -rules.eviction_debt:
            let_go(town, rules, w, a, EVICTION)


@seldom
def let_the_unhappy_go(town: TownState, rules: TownRules, order: int, w: int) -> None:
    """Let people move away whose needs have averaged too low for too many ticks in a row."""
    people = town.people.shape[1]
    for i in range(people):
        a = nth_mover(order, i, people)
        if town.alive[w, a] and town.people[w, a].unhappy >= rules.departure_after:
            let_go(town, rules, w, a, DEPARTURE)


@rule
def let_go(town: TownState, rules: TownRules, w: int, a: int, kind: int) -> None:
    """Let a person leave in this tick, unless they already are leaving or too many have left today."""
    if town.people[w, a].leaving < 0 and town.worlds[w].left_today < rules.most_leaving:
        town.people[w, a].leaving = kind
        town.worlds[w].left_today += 1


@rule
def replace_people(town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, w: int) -> None:
    """End the episodes of people who leave, and let newcomers into empty slots."""
    for a in range(layout.people):
        if town.alive[w, a]:
            if town.people[w, a].leaving >= 0:
                remove_person(town, layout, rules, w, a)
        elif town.worlds[w].tick >= town.people[w, a].newcomer_at:
            admit_newcomer(town, layout, rules, seed, world, w, a)


@seldom
def admit_newcomer(
    town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, w: int, a: int
) -> None:
    """Let a newcomer into an empty slot, unless too many have arrived today or no tile is free."""
    if town.worlds[w].arrived_today >= rules.most_arriving:
        return
    tile = nearest_free_tile(town, layout, w, layout.start_tile[a])
    if tile >= 0:
        town.worlds[w].arrived_today += 1
        place_person(town, layout, rules, seed, world, w, a, tile)
        record(town, w, NEWCOMER, -1, a, -1, 0, 0.0, -1)


@seldom
def nearest_free_tile(town: TownState, layout: TownLayout, w: int, start: int) -> int:
    """The free tile with the least straight-line distance from ``start`` among those in its region, or −1 if none is.

    Searches the square rings around the start from the inside out; no tile of a ring is nearer than the ring's radius.
    """
    x = start % layout.width
    y = start // layout.width
    best = -1
    best_distance = 0
    for ring in range(max(layout.width, layout.height)):
        if best >= 0 and ring * ring > best_distance:
            break
        for ny in range(max(y - ring, 0), min(y + ring, layout.height - 1) + 1):
            on_edge = abs(ny - y) == ring
            for nx in range(max(x - ring, 0), min(x + ring, layout.width - 1) + 1):
                if not on_edge and abs(nx - x) != ring:
                    continue
                tile = ny * layout.width + nx
                distance = (nx - x) * (nx - x) + (ny - y) * (ny - y)
                if best >= 0 and (distance > best_distance or (distance == best_distance and tile > best)):
                    continue
                if layout.region[tile] == layout.region[start] and town.tile_occupant[w, tile] < 0:
                    best = tile
                    best_distance = distance
    return best


@seldom
def remove_person(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Take a person out of town and out of any queue; others' grudges against them end with the next tick."""
    person = town.people[w, a]
    town.terminated[w, a] = True
    town.alive[w, a] = False
    person.newcomer_at = town.worlds[w].tick + rules.newcomer_after
    person.generation += 1
    step_off(town, layout, w, a)
    if person.role != IDLE:
        withdraw(town, w, a)
    forget_all(town, w, a)
    town.observation[w, a, :] = 0.0
    record(town, w, person.leaving, -1, a, -1, 0, 0.0, -1)
