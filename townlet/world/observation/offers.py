"""Features of offers: for each type, what its object would give a person, and who else is on the way to it.

They say in numbers what the rules of a town leave to be found out by trial: so a policy can act in towns whose rules
differ. They are written anew in every tick, from the state alone.
"""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.observation.schema import (
    FULL_WALLET,
    LONG_USE,
    NEED_SPAN,
    OFFER_FEATURE,
    OUTLOOK_FEATURE,
    SLACK,
    features_without_offers,
    offer_block,
)
from townlet.world.observation.view import DISTANCE, View
from townlet.world.rules.actions import REQUEST
from townlet.world.rules.employment import is_on
from townlet.world.rules.prices import price_of
from townlet.world.rules.requirements import is_offered
from townlet.world.rules.targets import find_target, steps_to, steps_to_work
from townlet.world.state.arrays import DUE, IDLE, LATE, QUEUE_CAPACITY, USING, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.layout import TownLayout

#: Columns of ``approaching``: how many people are on the way to an object; one bit per number of steps that one of them
#: still has to go; and one bit for those that two of them have.
COMING, ONCE, TWICE = 0, 1, 2
# Steps beyond the last bit count as so many.
_FARTHEST = 62


@seldom
def note_approaching(town: TownState, layout: TownLayout, w: int) -> None:
    """Note for every object who is walking to it by request, and how many steps they still have to go."""
    town.approaching[w, :, :] = 0
    for a in range(layout.people):
        person = town.people[w, a]
        t = person.intent - REQUEST
        if not town.alive[w, a] or person.role != IDLE or t < 0 or t >= town.target.shape[2]:
            continue
        o = find_target(town, layout, w, a, t)
        if o >= 0:
            bit = 1 << min(steps_to(layout, a, person.tile, t, o), _FARTHEST)
            noted = town.approaching[w, o]
            noted[COMING] += 1
            noted[TWICE] |= noted[ONCE] & bit
            noted[ONCE] |= bit


@seldom
def write_offers(town: TownState, layout: TownLayout, rules: TownRules, view: View, w: int, a: int) -> None:
    """Write what the object of each type offers a person."""
    out = town.observation[w, a]
    types = town.target.shape[2]
    write_outlook(town, layout, rules, w, a, features_without_offers(town.observation.shape[2], types))
    for t in range(types):
        i = offer_block(town.observation.shape[2], types, t)
        o = town.observed_object[w, a, t]
        if o < 0:
            out[i : i + OFFER_FEATURE.tie + 1] = 0.0
        else:
            write_use(town, layout, rules, w, a, o, i)
            write_approaching(town, layout, view, w, a, t, o, i)


@rule
def write_outlook(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, i: int) -> None:
    """Write whether and when a person must set out for work, and how fast needs fall, at index ``i``."""
    out = town.observation[w, a]
    person = town.people[w, a]
    expected = False
    slack = 0.0
    if layout.workplace[a] >= 0 and not person.arrived:
        left = layout.shift[a, 0] - town.worlds[w].tick % rules.ticks_per_day
        expected = left > 0 or person.shift_state == DUE or person.shift_state == LATE
        if expected:
            steps = int(layout.work[layout.work_row[a], person.tile].distance)
            slack = min(max((left - steps) / SLACK, -1.0), 1.0)
    out[i + OUTLOOK_FEATURE.expected] = expected
    out[i + OUTLOOK_FEATURE.slack] = slack
    for n in range(3):
        out[i + OUTLOOK_FEATURE.decay_hunger + n] = min(rules.need_decay[n] * NEED_SPAN, 1.0)


@rule
def write_use(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, o: int, i: int) -> None:
    """Write the use that an object offers, at index ``i``: one that can start now, or else the first."""
    out = town.observation[w, a]
    mine = layout.workplace[a] == o
    works = mine and town.people[w, a].arrived and is_on(layout, a, town.worlds[w].tick % rules.ticks_per_day)
    shown = -1
    ready = works
    for use in range(rules.affordances):
        if rules.affordance_type[use] != layout.object_type[o] or rules.affordance_work[use] != works:
            continue
        offered = is_offered(town, layout, rules, w, a, o, use)
        if shown < 0 or offered:
            shown = use
            ready = offered
        if offered:
            break
    out[i + OFFER_FEATURE.mine] = mine
    out[i + OFFER_FEATURE.ready] = ready and shown >= 0
    if shown < 0:
        out[i + OFFER_FEATURE.gain_hunger : i + OFFER_FEATURE.wait + 1] = 0.0
        return
    for n in range(3):
        out[i + OFFER_FEATURE.gain_hunger + n] = rules.affordance_effect[shown, n] * rules.affordance_ticks[shown]
    ticks = float(rules.affordance_ticks[shown])
    out[i + OFFER_FEATURE.duration] = min(ticks / LONG_USE, 1.0)
    out[i + OFFER_FEATURE.price] = min(price_of(town, rules, w, shown) / FULL_WALLET, 1.0)
    thing = town.objects[w, o]
    wait = ticks * thing.queue_length
    if thing.holder >= 0 and thing.holder != a:
        holder = town.people[w, thing.holder]
        wait += float(holder.remaining) if holder.role == USING else ticks
    out[i + OFFER_FEATURE.wait] = min(wait / LONG_USE, 1.0)


@rule
def write_approaching(town: TownState, layout: TownLayout, view: View, w: int, a: int, t: int, o: int, i: int) -> None:
    """Write how far an object is from the workplace, and who else is on the way to it, at index ``i``."""
    out = town.observation[w, a]
    person = town.people[w, a]
    out[i + OFFER_FEATURE.to_work] = 0.0
    if layout.workplace[a] >= 0:
        out[i + OFFER_FEATURE.to_work] = min(steps_to_work(layout, a, o) * view.scale[DISTANCE], 1.0)
    noted = town.approaching[w, o]
    others = noted[COMING]
    tied = False
    if others > 0:
        bit = 1 << min(steps_to(layout, a, person.tile, t, o), _FARTHEST)
        own = person.role == IDLE and person.intent == REQUEST + t and town.target[w, a, t] == o
        others -= own
        tied = (noted[TWICE] if own else noted[ONCE]) & bit != 0
    out[i + OFFER_FEATURE.coming] = min(others / QUEUE_CAPACITY, 1.0)
    out[i + OFFER_FEATURE.tie] = tied
