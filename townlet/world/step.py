"""One tick of the town, in rule order."""

from __future__ import annotations

import numpy as np

from townlet.world.actions import WAIT, mark_legal_actions
from townlet.world.affordances import run_affordances
from townlet.world.compile import rule
from townlet.world.employment import update_employment
from townlet.world.events import ILLEGAL_ACTIONS
from townlet.world.layout import TownLayout
from townlet.world.lifecycle import place_person, replace_fainted
from townlet.world.movement import move_people
from townlet.world.needs import decay_needs
from townlet.world.observations import View, observe
from townlet.world.queues import act_in_queues, advance_queues, pass_on_finished
from townlet.world.rewards import compute_rewards
from townlet.world.rivalry import decay_rivalry
from townlet.world.rules import TownRules
from townlet.world.state import TownState


@rule
def step_world(
    town: TownState,
    layout: TownLayout,
    rules: TownRules,
    view: View,
    action: np.ndarray,
    seed: int,
    world: int,
    w: int,
) -> None:
    """One tick of one world: index ``w`` of the batch, number ``world`` of the seed."""
    begin_tick(town, action, w)
    decay_rivalry(town, rules, w)
    pass_on_finished(town, layout, rules, w)
    move_people(town, layout, rules, seed, world, w)
    act_in_queues(town, layout, rules, seed, world, w)
    run_affordances(town, layout, rules, w)
    advance_queues(town, layout, rules, w)
    decay_needs(town, rules, w)
    update_employment(town, layout, rules, w)
    compute_rewards(town, rules, w)
    replace_fainted(town, layout, rules, seed, world, w)
    town.worlds[w].tick += 1
    town.worlds[w].clock += 1
    mark_legal_actions(town, layout, rules, w)
    observe(town, layout, rules, view, w)


@rule
def begin_tick(town: TownState, action: np.ndarray, w: int) -> None:
    """Forget the last tick's events and take over the chosen actions; an illegal one becomes waiting, and counts."""
    town.worlds[w].event_count = 0
    for a in range(action.shape[1]):
        chosen = action[w, a]
        legal = 0 <= chosen < town.mask.shape[2] and town.mask[w, a, chosen]
        person = town.people[w, a]
        person.intent = chosen if legal else WAIT
        if not legal:
            town.counter[w, ILLEGAL_ACTIONS] += 1.0
        person.used = -1
        person.terminated = False
        person.paid = 0.0
        person.penalty = 0.0
        person.caused = 0.0
        person.suffered = 0.0


@rule
def step_worlds(
    town: TownState,
    layout: TownLayout,
    rules: TownRules,
    view: View,
    action: np.ndarray,
    seed: int,
    first_world: int,
) -> None:
    """One tick of every world of a batch under ``action``, int32 [W, A]."""
    for w in range(len(town.worlds)):
        step_world(town, layout, rules, view, action, seed, first_world + w, w)


@rule
def reset_worlds(
    town: TownState, layout: TownLayout, rules: TownRules, view: View, seed: int, first_world: int
) -> None:
    """Begin a new episode in every world of a batch; tallies and clocks go on."""
    for w in range(len(town.worlds)):
        town.worlds[w].tick = 0
        town.worlds[w].event_count = 0
        town.occupant[w, :] = -1
        for thing in range(len(layout.object_tile)):
            clear_object(town, w, thing)
        for a in range(layout.people):
            place_person(town, layout, rules, seed, first_world + w, w, a, layout.start_tile[a])
        mark_legal_actions(town, layout, rules, w)
        observe(town, layout, rules, view, w)


@rule
def clear_object(town: TownState, w: int, thing: int) -> None:
    """An object that nobody uses or waits for."""
    place = town.objects[w, thing]
    place.holder = -1
    place.queue[:] = -1
    place.queue_length = 0
    place.next_rank = 0
    place.reserved_at = 0
    place.idle_ticks = 0
    place.uses = 0
    place.camped = 0
