"""One tick of the town: all its rules, in order."""

from __future__ import annotations

import numpy as np

from townlet.world.engine.compile import entry, rule, seldom
from townlet.world.engine.intrinsics import prefetch
from townlet.world.engine.random import draw_order
from townlet.world.handles import Handle, layout_at, town_at, view_at
from townlet.world.observation.observe import observe
from townlet.world.rules.actions import CHAT, REQUEST, WAIT, after_requests
from townlet.world.rules.affordances import run_affordances
from townlet.world.rules.economy import collect_rent, restock
from townlet.world.rules.employment import update_employment
from townlet.world.rules.lifecycle import evict_debtors, let_the_unhappy_go, place_person, replace_people
from townlet.world.rules.movement import move_people
from townlet.world.rules.needs import decay_needs
from townlet.world.rules.perturbations import clear_perturbations, draw_perturbations, perturb
from townlet.world.rules.queue_arrivals import let_arrivals_join
from townlet.world.rules.queues import act_in_queues, advance_queues, pass_on_finished
from townlet.world.rules.rewards import compute_rewards
from townlet.world.rules.rivalry import decay_rivalry
from townlet.world.rules.social import hold_chats
from townlet.world.state.arrays import IDLE, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.events import ILLEGAL_ACTIONS
from townlet.world.state.layout import TownLayout


@rule
def step_world(
    town: TownState,
    layout: TownLayout,
    rules: TownRules,
    action: np.ndarray,
    seed: int,
    world: int,
    order: int,
    w: int,
) -> None:
    """Step one world by one tick.

    Args:
        action: int32 [W, A], the chosen actions.
        seed: the batch's seed.
        world: the world's number under that seed.
        order: who acts first in this tick; see :func:`townlet.world.engine.random.nth_mover`.
        w: the world's index in the batch.
    """
    # Each part is skipped in ticks in which nobody needs it.
    grudges, engaged, chatting = begin_tick(town, layout, action, w)
    if grudges:
        decay_rivalry(town, layout, rules, w)
    if engaged:
        pass_on_finished(town, rules, w)
    joining = move_people(town, layout, rules, order, w)
    if engaged:
        act_in_queues(town, layout, rules, order, w)
    if joining:
        let_arrivals_join(town, layout, rules, seed, world, w)
    if chatting and rules.ties:
        hold_chats(town, layout, rules, seed, world, order, w)
    if engaged:
        run_affordances(town, layout, rules, w)
    if engaged or joining:
        advance_queues(town, layout, rules, w)
    wants_to_leave = decay_needs(town, rules, w)
    update_employment(town, layout, rules, w)
    if town.worlds[w].tick + 1 == town.worlds[w].next_day:
        collect_rent(town, rules, w)
        if rules.eviction_debt > 0.0:
            evict_debtors(town, rules, order, w)
    if wants_to_leave:
        let_the_unhappy_go(town, rules, order, w)
    if compute_rewards(town, rules, w):
        replace_people(town, layout, rules, seed, world, w)
    town.worlds[w].tick += 1
    town.worlds[w].clock += 1
    if town.worlds[w].tick == town.worlds[w].next_change:
        perturb(town, layout, rules, seed, world, w)
    if town.worlds[w].tick == town.worlds[w].next_day:
        begin_day(town, layout, rules, seed, world, w)


@rule
def begin_tick(town: TownState, layout: TownLayout, action: np.ndarray, w: int) -> tuple[bool, bool, bool]:
    """Clear the last tick's events and take the chosen actions; an illegal action becomes waiting and is counted.

    Returns whether anybody has a grudge, whether anybody is at an object, and whether anybody chats.
    """
    town.worlds[w].event_count = 0
    types = town.target.shape[2]
    illegal = 0
    grudges = 0
    roles = 0
    chats = 0
    for a in range(action.shape[1]):
        chosen = action[w, a]
        # Without a branch, like much of what follows, because the processor cannot predict the action.
        possible = 0 <= chosen < town.mask.shape[2]
        intent = chosen if possible else WAIT
        legal = possible & town.mask[w, a, intent]
        intent = intent if legal else WAIT
        person = town.people[w, a]
        person.intent = intent
        illegal += not legal
        grudges |= person.grudges
        roles |= person.role
        chats += intent == after_requests(town) + CHAT
        # Movement reads this next, and in a large town no cache holds it.
        prefetch(layout.nearest, person.tile, min(max(intent - REQUEST, 0), types - 1))
        town.terminated[w, a] = False
        person.joining = -1
        person.used = -1
        person.paid = 0.0
        person.penalty = 0.0
        person.caused = 0.0
        person.suffered = 0.0
        person.social = 0.0
    town.counter[w, ILLEGAL_ACTIONS] += illegal
    return grudges != 0, roles != IDLE, chats != 0


#: Worlds that are stepped and then observed together: enough that the processor seldom switches between the two pieces
#: of code, and few enough to stay in its second-level cache.
BLOCK = 32


@entry
def step_worlds(
    handle: Handle, table: np.ndarray, action: np.ndarray, seed: int, first_world: int, worlds: int
) -> None:
    """Step every world of a batch by one tick, then fill their observations and masks.

    One entry does both, because each entry compiles all the rules it needs.

    Args:
        table: RULES [1].
        action: int32 [W, A], or [0, A] to fill the observations and masks only.
    """
    for begin in range(0, worlds, BLOCK):
        end = min(begin + BLOCK, worlds)
        if len(action) > 0:
            step_range(handle, table, action, seed, first_world, begin, end)
        sense_range(handle, table, begin, end)


@seldom
def step_range(
    handle: Handle, table: np.ndarray, action: np.ndarray, seed: int, first_world: int, begin: int, end: int
) -> None:
    """Step some worlds of a batch by one tick, without the observations at its end."""
    town, layout, rules = town_at(handle), layout_at(handle), table[0]
    # Drawn one world ahead: a draw is a long chain of operations, and the processor does other work in the meantime.
    following = draw_order(seed, first_world + begin, town.worlds[begin].clock, layout.people)
    for w in range(begin, end):
        order = following
        after = min(w + 1, end - 1)
        following = draw_order(seed, first_world + after, town.worlds[after].clock, layout.people)
        step_world(town, layout, rules, action, seed, first_world + w, order, w)


@seldom
def sense_range(handle: Handle, table: np.ndarray, begin: int, end: int) -> None:
    """Fill the observations and masks of some worlds of a batch."""
    town, layout, view, rules = town_at(handle), layout_at(handle), view_at(handle), table[0]
    for w in range(begin, end):
        observe(town, layout, rules, view, w)


@entry
def reset_worlds(handle: Handle, table: np.ndarray, seed: int, first_world: int) -> None:
    """Begin a new episode in every world of a batch; tallies and clocks are not reset."""
    town, layout, rules = town_at(handle), layout_at(handle), table[0]
    for w in range(len(town.worlds)):
        town.worlds[w].tick = 0
        town.worlds[w].event_count = 0
        town.tile_occupant[w, :] = -1
        town.occupancy_bits[w, :, :] = 0
        for o in range(len(layout.object_tile)):
            clear_object(town, w, o)
        for a in range(layout.people):
            town.people[w, a].generation = 0
            town.terminated[w, a] = False
            place_person(town, layout, rules, seed, first_world + w, w, a, layout.start_tile[a])
        clear_perturbations(town, w)
        begin_day(town, layout, rules, seed, first_world + w, w)


@seldom
def begin_day(town: TownState, layout: TownLayout, rules: TownRules, seed: int, world: int, w: int) -> None:
    """Begin a day: fill the shelves, reset the day's counts and draw its perturbations."""
    town.worlds[w].next_day = town.worlds[w].tick + rules.ticks_per_day
    town.worlds[w].left_today = 0
    town.worlds[w].arrived_today = 0
    restock(town, layout, rules, w)
    draw_perturbations(town, rules, seed, world, w)


@seldom
def clear_object(town: TownState, w: int, o: int) -> None:
    """Make an object free and open, with an empty queue."""
    thing = town.objects[w, o]
    thing.holder = -1
    thing.queue[:] = -1
    thing.queue_length = 0
    thing.next_rank = 0
    thing.reserved_at = 0
    thing.idle_ticks = 0
    thing.uses = 0
    thing.camped = 0
    thing.closed_until = 0
    thing.out_of_service = False
